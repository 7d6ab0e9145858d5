// One reader of a disk that is far away, and what was asked for ahead of it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Where a reader is, and how much is under way for it. A value; it asks no one.
///
/// Its window is one of stored bytes, wherever in the files those are, and grows with what arrived: a network wants much
/// under way at once. That of `SequentialStream` is one of guest bytes, for processors.
struct FarReader {
    /// What was asked for: where it ends on the guest disk, and how much of a file it is.
    private struct Request {
        let end: UInt64
        let byteCount: UInt64
    }

    private static let slack = ReaderSlack(atMost: 16 << 20)
    /// What a reader has to have read in order before anything is asked for ahead of it: reads, and guest bytes.
    private static let leastReadCount = 2
    private static let leastByteCount: UInt64 = 256 << 10
    private static let smallestWindow: UInt64 = 1 << 20
    private static let largestWindow: UInt64 = 32 << 20
    /// Small requests cost a round trip as large ones do.
    private static let largestStep: UInt64 = 8 << 20
    /// What a piece counts at least, in bytes: it bounds how many pieces are under way.
    private static let leastPieceByteCount: UInt64 = 4 << 10

    /// Behind the last byte that was read.
    private var position: UInt64
    /// Reads that went on, and the guest bytes that they read.
    private var readCount = 0
    private var readByteCount: UInt64 = 0
    /// How much is asked for ahead now, in bytes of the files.
    private var window: UInt64 = 0
    /// What the reader has come past since the window grew, in bytes of the files.
    private var progress: UInt64 = 0
    private var requests: [Request] = []
    private var passedCount = 0
    /// Bytes of the files that were asked for and that the reader has not come past.
    private(set) var underWay: UInt64 = 0
    /// Behind the last guest byte that was asked for, or found to be nowhere.
    private(set) var askedEnd: UInt64
    /// In reads of the disk.
    private(set) var lastSeen: UInt64 = 0

    init(at position: UInt64) {
        self.position = position
        askedEnd = position
    }

    func isContinued(by range: Range<UInt64>) -> Bool {
        Self.slack.isContinued(at: position, by: range)
    }

    func distance(to range: Range<UInt64>) -> UInt64 {
        ReaderSlack.distance(from: position, to: range)
    }

    /// Takes note of a read. The window may grow to `limit` bytes.
    mutating func advance(by range: Range<UInt64>, now: UInt64, upTo limit: UInt64) {
        lastSeen = now
        askedEnd = max(askedEnd, position)
        guard range.upperBound > position else { return }
        readCount += 1
        readByteCount &+= min(UInt64(range.count), range.upperBound - position)
        position = range.upperBound
        while passedCount < requests.count, requests[passedCount].end <= position {
            underWay -= requests[passedCount].byteCount
            progress &+= requests[passedCount].byteCount
            passedCount += 1
        }
        if passedCount == requests.count {
            requests.removeAll(keepingCapacity: true)
            passedCount = 0
        } else if passedCount > 256 {
            requests.removeFirst(passedCount)
            passedCount = 0
        }
        let largest = min(limit, Self.largestWindow)
        if window == 0, readCount >= Self.leastReadCount, readByteCount >= Self.leastByteCount {
            window = min(largest, Self.smallestWindow)
            progress = 0
        }
        while window > 0, window < largest, progress >= window / 2 {
            progress -= window / 2
            window = min(largest, window * 2)
        }
    }

    /// Guest bytes up to `end` are asked for, which are `storedByteCount` bytes of a file.
    mutating func ask(to end: UInt64, storedByteCount: UInt64) {
        askedEnd = end
        guard storedByteCount > 0 else { return }
        let storedByteCount = max(storedByteCount, Self.leastPieceByteCount)
        underWay += storedByteCount
        if let last = requests.last, passedCount < requests.count, end - last.end < 1 << 20,
            last.byteCount < 256 << 10
        {
            requests[requests.count - 1] = Request(end: end, byteCount: last.byteCount + storedByteCount)
        } else {
            requests.append(Request(end: end, byteCount: storedByteCount))
        }
    }

    /// How much may still be asked for, in bytes of the files.
    var room: UInt64 { window - min(window, underWay) }

    var hasRoom: Bool { room > 0 }

    /// Whether there is room for more than a small request.
    var wantsMore: Bool { room >= max(1, min(window / 2, Self.largestStep)) }
}
