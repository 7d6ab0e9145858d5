// Who reads a compressed file from front to back, and how far.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The last few readers of one file, told apart by where they read.
///
/// How much is decoded ahead of each is bounded by the places in the cache of units, which are few and large: so a reader has
/// to have read more than one of a disk before anything is, and there is no window that grows.
struct FileReaders: Sendable {
    /// A place to which someone has read.
    struct Reader: Sendable {
        fileprivate(set) var end: UInt64
        /// How much was read on the way there without a leap, in bytes.
        fileprivate(set) var run: UInt64
        /// What is before it was read and is not wanted any more.
        var releasedEnd: UInt64

        /// Whether what follows will be wanted.
        var isSequential: Bool { run >= FileReaders.leastRun }
    }

    /// Those that read last at the end.
    private(set) var readers: [Reader] = []

    private static let mostReaders = 4
    /// What has to be read without a leap before anything is decoded ahead, in bytes.
    private static let leastRun: UInt64 = 1 << 20
    /// Several requests of one reader come in any order.
    static let slack: UInt64 = 1 << 20

    /// Takes note of a read.
    /// - Returns: Whose it is, where that went on to another stretch.
    mutating func note(_ range: Range<UInt64>) -> Reader? {
        let known = readers.lastIndex {
            ReaderSlack(byteCount: Self.slack).isContinued(at: $0.end, by: range)
        }
        guard let known else {
            if readers.count == Self.mostReaders { readers.removeFirst() }
            readers.append(Reader(end: range.upperBound, run: 0, releasedEnd: range.lowerBound))
            return nil
        }
        var reader = readers.remove(at: known)
        let before = reader.end
        if range.upperBound > before {
            reader.run = reader.run.addingSaturated(range.upperBound - before)
            reader.end = range.upperBound
        }
        readers.append(reader)
        let size = DecodedStretch.byteCount
        return before / size != reader.end / size ? reader : nil
    }

    /// Takes note that what is before `offset` is of no more use to the one who read last.
    mutating func release(upTo offset: UInt64) {
        guard !readers.isEmpty else { return }
        readers[readers.count - 1].releasedEnd = offset
    }
}

extension UInt64 {
    fileprivate func addingSaturated(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
