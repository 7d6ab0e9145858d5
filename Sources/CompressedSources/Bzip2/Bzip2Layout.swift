// Which marks of a bzip2 file are the starts of blocks, and how long those are.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs

/// The blocks of a file, each of which was decoded once.
///
/// Each piece from one mark to the next is decoded by itself, on all threads. The library finds a block's end by the
/// mark that follows, so that a piece that is decoded whole is a block; one that is not is tried together with the next
/// ones, in case the mark between them is data that looks like one.
struct Bzip2Layout {
    private(set) var table = UnitTable()
    /// Whether all of the file belongs to a stream.
    private(set) var isWhole = true
    /// Where the last stream ends, in bytes.
    private(set) var endOffset: UInt64 = 0

    private let base: any ByteSource
    private let name: String
    private let context: CompressedSource.Context
    private let marks: [Bzip2Mark]
    /// The checksum of the stream's blocks so far.
    private var checksum: UInt32 = 0

    /// How many marks that are none a block may have in it.
    private static let mostChanceMarks = 2

    /// - Throws: `ReadError.corrupt` where a block is damaged or the file is cut short: since nothing says how much is
    ///   missing, what is behind has no place.
    static func read(
        _ base: any ByteSource, named name: String, share: BudgetShare, in context: CompressedSource.Context
    ) throws(ReadError) -> Bzip2Layout {
        try read(
            base, named: name, marks: try Bzip2Scan.marks(of: base, named: name, share: share), in: context)
    }

    /// The same, with marks that were found before.
    static func read(
        _ base: any ByteSource, named name: String, marks: [Bzip2Mark], in context: CompressedSource.Context
    ) throws(ReadError) -> Bzip2Layout {
        var layout = Bzip2Layout(base: base, name: name, context: context, marks: marks)
        try layout.resolve()
        return layout
    }

    private init(
        base: any ByteSource, name: String, context: CompressedSource.Context, marks: [Bzip2Mark]
    ) {
        self.base = base
        self.name = name
        self.context = context
        self.marks = marks
    }

    private mutating func resolve() throws(ReadError) {
        guard let first = marks.first, first.isFirst, first.bit == 32 else {
            throw corrupt("there is no bzip2 stream", at: 0)
        }
        // Pieces from each mark of a block to the next mark, whatever that is.
        let starts = marks.indices.filter { !marks[$0].isStreamEnd && $0 + 1 < marks.count }
        let outcome = try SizingPass.run(
            on: starts.map { piece(from: $0, to: $0 + 1) }, of: base, named: name, as: Bzip2Format(),
            in: context)
        var byteCounts: [UInt64?] = Array(repeating: nil, count: marks.count)
        for (start, byteCount) in zip(starts, outcome.byteCounts) { byteCounts[start] = byteCount }
        var index = 0
        while index < marks.count {
            if marks[index].isStreamEnd {
                guard let next = try endStream(index) else { return }
                index = next
            } else if let byteCount = byteCounts[index] {
                try addBlock(piece(from: index, to: index + 1, byteCount), marks[index])
                index += 1
            } else {
                index = try addBlockAcrossMarks(index)
            }
        }
        throw corrupt("the file ends inside a stream; is it cut short?", at: base.byteCount)
    }

    private func piece(from start: Int, to end: Int, _ byteCount: UInt64? = nil) -> CompressedUnit {
        CompressedUnit(
            stored: marks[start].bit..<marks[end].bit,
            decodedByteCount: byteCount ?? CompressedUnit.unknownByteCount, kind: marks[start].level)
    }

    private mutating func addBlock(_ unit: CompressedUnit, _ mark: Bzip2Mark) throws(ReadError) {
        checksum = (checksum << 1 | checksum >> 31) ^ (mark.checksum ?? 0)
        try table.add(unit, in: name)
    }

    /// Adds the block that starts at a mark and goes on behind the next one.
    /// - Returns: The mark behind it.
    private mutating func addBlockAcrossMarks(_ start: Int) throws(ReadError) -> Int {
        // A few bytes, which are not how far opening is.
        var context = context
        context.progress = nil
        for end in start + 2..<max(start + 2, min(marks.count, start + 2 + Self.mostChanceMarks)) {
            let outcome = try SizingPass.run(
                on: [piece(from: start, to: end)], of: base, named: name, as: Bzip2Format(), in: context)
            guard case let byteCount?? = outcome.byteCounts.first else { continue }
            try addBlock(piece(from: start, to: end, byteCount), marks[start])
            return end
        }
        throw .corrupt(
            record: "\(name), bzip2 block \(table.units.count + 1)", offset: marks[start].bit / 8,
            reason: "its data or its checksum is wrong, or the file is cut short in it")
    }

    /// Ends a stream at a mark, and finds the next one.
    /// - Returns: The first mark of the next stream; nil at the end of the file, or of what is a stream.
    private mutating func endStream(_ index: Int) throws(ReadError) -> Int? {
        let checksumBit = marks[index].bit + Bzip2Scan.markBitCount
        endOffset = (checksumBit + 32 + 7) / 8
        guard endOffset <= base.byteCount, let stored = marks[index].checksum else {
            throw corrupt("the file ends inside the end of a stream", at: base.byteCount)
        }
        guard stored == checksum else {
            throw corrupt(
                "the checksum of a stream is wrong: a block is missing or damaged", at: checksumBit / 8)
        }
        checksum = 0
        guard endOffset < base.byteCount else { return nil }
        let next = marks[index...].firstIndex { $0.bit >= (endOffset + 4) * 8 }
        guard let next, marks[next].isFirst, marks[next].bit == (endOffset + 4) * 8 else {
            isWhole = false
            return nil
        }
        return next
    }

    private func corrupt(_ reason: String, at offset: UInt64) -> ReadError {
        .corrupt(record: name, offset: offset, reason: reason)
    }
}
