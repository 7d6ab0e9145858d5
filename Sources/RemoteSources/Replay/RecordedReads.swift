// Which blocks of a remote object a mount read, in the order in which it read them first.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// A record as it is kept in a file: a line that says what it is, a line that says of what object, and a line for each run
/// of blocks: when, in milliseconds from the first one, the first block, and how many. Numbers are decimal.
package struct RecordedReads: Equatable, Sendable {
    package struct Run: Equatable, Sendable {
        package let milliseconds: UInt64
        package let blocks: Range<UInt64>
    }

    /// How every record begins.
    package static let firstLine = "ovafs record of reads, version 1, blocks of 262144 bytes"
    /// 128 GiB of them.
    static let mostBlocks = 1 << 19
    private static let mostLineBytes = 96

    /// No record is longer, in bytes.
    package static let fileByteLimit = 16 << 20

    /// The version of the object, as digests: a record says nothing of an address.
    let version: [UInt64]
    package private(set) var runs: [Run] = []
    /// Blocks that it names.
    package private(set) var blockCount = 0

    init(of version: [UInt64]) {
        self.version = version
    }

    package func isOfTheSameVersion(as other: RecordedReads) -> Bool { version == other.version }

    /// Adds a block; nothing where the record is full.
    mutating func add(_ block: UInt64, at milliseconds: UInt64) {
        guard blockCount < Self.mostBlocks else { return }
        blockCount += 1
        if let last = runs.last, last.blocks.upperBound == block {
            runs[runs.count - 1] = Run(
                milliseconds: last.milliseconds, blocks: last.blocks.lowerBound..<(block + 1))
        } else {
            runs.append(Run(milliseconds: milliseconds, blocks: block..<(block + 1)))
        }
    }

    package var text: String {
        let lines = runs.map { "\($0.milliseconds) \($0.blocks.lowerBound) \($0.blocks.count)" }
        let object = "object " + version.map { String($0, radix: 16) }.joined(separator: " ")
        return ([Self.firstLine, object] + lines).joined(separator: "\n") + "\n"
    }

    /// - Throws: `ReadError.corrupt` with the place in the file where that is not a record.
    package init(parsing bytes: [UInt8]) throws(ReadError) {
        var lines = Lines(bytes: bytes[...])
        guard let title = try lines.next(), title.elementsEqual(Self.firstLine.utf8) else {
            throw Self.problem(at: 0, "it is no record of reads that this version of ovafs knows")
        }
        self.init(of: try Self.version(in: &lines))
        while let line = try lines.next() {
            let words = line.split(separator: 0x20, omittingEmptySubsequences: false)
            let numbers = words.compactMap { UInt64(String(decoding: $0, as: UTF8.self)) }
            guard words.count == 3, numbers.count == 3, numbers[2] > 0,
                numbers[2] <= UInt64(Self.mostBlocks - blockCount)
            else { throw lines.problem("a line is a time, a block and a number of blocks") }
            let (end, overflow) = numbers[1].addingReportingOverflow(numbers[2])
            guard !overflow else { throw lines.problem("there is no such block") }
            blockCount += Int(numbers[2])
            runs.append(Run(milliseconds: numbers[0], blocks: numbers[1]..<end))
        }
    }

    /// What the second line says.
    private static func version(in lines: inout Lines) throws(ReadError) -> [UInt64] {
        let words = try lines.next()?.split(separator: 0x20, omittingEmptySubsequences: false) ?? []
        let numbers = words.dropFirst().compactMap { UInt64(String(decoding: $0, as: UTF8.self), radix: 16) }
        guard words.first?.elementsEqual("object".utf8) == true, numbers.count == 5, words.count == 6 else {
            throw lines.problem("it does not say of what object it is")
        }
        return numbers
    }

    /// Goes through the lines of a file, of which each has to end.
    private struct Lines {
        let bytes: ArraySlice<UInt8>
        private var start = 0
        private var nextStart = 0

        init(bytes: ArraySlice<UInt8>) {
            self.bytes = bytes
        }

        mutating func next() throws(ReadError) -> ArraySlice<UInt8>? {
            start = nextStart
            guard start < bytes.count else { return nil }
            let window = bytes[start..<min(bytes.count, start + mostLineBytes)]
            guard let end = window.firstIndex(of: 0x0a) else { throw problem("a line does not end") }
            nextStart = end + 1
            return bytes[start..<end]
        }

        func problem(_ reason: String) -> ReadError { RecordedReads.problem(at: UInt64(start), reason) }
    }

    private static func problem(at offset: UInt64, _ reason: String) -> ReadError {
        .corrupt(record: "record of reads", offset: offset, reason: reason)
    }
}
