// Who reads a stored file from front to back, and what they will want next.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The readers of one remote object that go on where they stopped. What is asked for ahead of one grows while it comes on.
/// A value; it asks no one.
///
/// What one will want is the bytes that follow, so there is one range to ask for and nothing to keep count of; on a disk whose
/// map is known, `FarReadAhead` of DiskImages asks instead.
struct SequentialReaders {
    private struct Reader {
        /// Behind the last byte that it read.
        var end: UInt64
        /// Behind the last byte that was asked for.
        var askedEnd: UInt64
        /// How much is asked for ahead, in bytes.
        var window: UInt64
        /// What was read since the window grew, in bytes.
        var progress: UInt64
        var lastUse: UInt64
    }

    /// What a reader has to have read in order before anything is asked for ahead of it, in bytes: the parts of a header
    /// are read one after the other, too.
    private static let leastProgress: UInt64 = 128 << 10
    private static let smallestWindow: UInt64 = 1 << 20
    private static let largestWindow: UInt64 = 32 << 20
    private static let mostReaders = 32
    private static let slack = ReaderSlack(byteCount: 2 << 20)

    private let byteCount: UInt64
    private let windowLimit: UInt64
    private var readers: [Reader] = []
    private var clock: UInt64 = 0

    /// Readers of an object of `byteCount` bytes, each of which may have `windowLimit` bytes ahead.
    init(of byteCount: UInt64, windowLimit: UInt64) {
        self.byteCount = byteCount
        self.windowLimit = min(windowLimit, Self.largestWindow)
    }

    /// Takes note of a read.
    /// - Returns: What to ask for now; nil where nothing is to be asked.
    mutating func note(_ range: Range<UInt64>) -> Range<UInt64>? {
        clock &+= 1
        guard let index = reader(for: range) else {
            start(at: range.upperBound)
            return nil
        }
        var reader = readers[index]
        defer { readers[index] = reader }
        reader.lastUse = clock
        guard range.upperBound > reader.end else { return nil }
        reader.progress += min(range.upperBound - reader.end, UInt64(range.count))
        reader.end = range.upperBound
        reader.askedEnd = max(reader.askedEnd, reader.end)
        while reader.window < windowLimit, reader.progress >= max(reader.window / 2, Self.leastProgress) {
            reader.progress -= reader.window / 2
            reader.window = min(max(Self.smallestWindow, reader.window * 2), max(windowLimit, 1))
        }
        if reader.window > 0 { reader.progress = min(reader.progress, reader.window) }
        let wanted = min(byteCount, reader.end + min(reader.window, byteCount - min(reader.end, byteCount)))
        // Little by little would make many small requests.
        guard wanted > reader.askedEnd,
            wanted == byteCount || wanted - reader.askedEnd >= min(reader.window / 2, 8 << 20)
        else { return nil }
        let range = reader.askedEnd..<wanted
        reader.askedEnd = wanted
        return range
    }

    private func reader(for range: Range<UInt64>) -> Int? {
        let candidates = readers.indices.filter { Self.slack.isContinued(at: readers[$0].end, by: range) }
        return candidates.min { first, second in
            ReaderSlack.distance(from: readers[first].end, to: range)
                < ReaderSlack.distance(from: readers[second].end, to: range)
        }
    }

    private mutating func start(at end: UInt64) {
        let reader = Reader(end: end, askedEnd: end, window: 0, progress: 0, lastUse: clock)
        if readers.count < Self.mostReaders {
            readers.append(reader)
        } else if let oldest = readers.indices.min(by: { readers[$0].lastUse < readers[$1].lastUse }) {
            readers[oldest] = reader
        }
    }
}
