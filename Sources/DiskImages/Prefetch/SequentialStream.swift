// One reader that goes through a disk from front to back, as far as is known.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Where a reader is, and how much was decoded ahead of it.
struct SequentialStream {
    /// Work that has been asked for: where it ends, and how much of it there is.
    private struct Request {
        let end: UInt64
        let byteCount: UInt64
    }

    /// The kernel's read-ahead and several threads bring the reads of one reader in mixed order. Reads that only come near
    /// each other, as in a small part of a disk, are no stream.
    private static let slack = ReaderSlack(atMost: 2 << 20)
    /// In reads of the disk.
    private static let lateness: UInt64 = 64
    /// Reads that follow on the first one, and bytes that they read, before anything is decoded ahead: small reads in a
    /// small part of a disk come near each other by chance.
    private static let leastHits = 2
    private static let leastByteCount: UInt64 = 64 << 10
    /// At most so many bytes, and one job, are decoded in vain for each that was read.
    private static let windowFactor: UInt64 = 4
    private static let largestWindow: UInt64 = 16 << 20
    /// One job, in guest bytes: small enough that all threads work on what the reader needs first, large
    /// enough that waking them costs little.
    private static let jobByteCount: UInt64 = 512 << 10
    /// What one read may ask for; holes are looked over in the same number of steps.
    static let mostRequestsAtOnce = 64

    /// Where the next read is expected.
    private var position: UInt64
    /// The same for other threads, as soon as there are some: most streams are single reads.
    private var shared: ReaderPosition?
    private var hits = 0
    /// What the reads that followed on the first one read, in bytes.
    private var readByteCount: UInt64 = 0
    /// When the stream was last seen, in reads of its disk.
    private var lastSeen: UInt64
    /// Up to where clusters were asked for, or found to be holes.
    private(set) var requestedEnd: UInt64
    /// Guest bytes that were asked for and that the reader has not passed.
    private(set) var requestedByteCount: UInt64 = 0
    private var requests: [Request] = []
    /// How many of `requests`, from the front, the reader has passed.
    private var passedCount = 0

    init(at position: UInt64, now: UInt64) {
        self.position = position
        requestedEnd = position
        lastSeen = now
    }

    /// Whether a read of `count` bytes at `offset` goes on where this reader is.
    func isContinued(byReading count: UInt64, at offset: UInt64) -> Bool {
        Self.slack.isContinued(at: position, byReading: count, at: offset)
    }

    /// When the stream was last seen; one that is known to be sequential counts as seen later, so that a random
    /// reader beside it does not push it out.
    var worth: UInt64 { isSequential ? lastSeen &+ Self.lateness : lastSeen }

    var isSequential: Bool { hits >= Self.leastHits && readByteCount >= Self.leastByteCount }

    /// How far from where the stream is a read at `offset` starts, in bytes.
    func distance(to offset: UInt64) -> UInt64 { max(offset, position) - min(offset, position) }

    /// Takes note of a read of `count` bytes that ended at `end`.
    mutating func advance(byReading count: UInt64, to end: UInt64, now: UInt64) {
        lastSeen = now
        guard end > position else { return }
        // What is read again earns nothing.
        readByteCount &+= min(count, end - position)
        position = end
        shared?.move(to: end)
        hits += 1
        requestedEnd = max(requestedEnd, end)
        while passedCount < requests.count, requests[passedCount].end <= position {
            requestedByteCount -= requests[passedCount].byteCount
            passedCount += 1
        }
        if passedCount == requests.count {
            requests.removeAll(keepingCapacity: true)
            passedCount = 0
        } else if passedCount > requests.capacity / 2 {
            requests.removeFirst(passedCount)
            passedCount = 0
        }
    }

    /// How many guest bytes may be asked for ahead of the reader now: none before it is known to be sequential,
    /// then more with each read.
    func window(upTo limit: UInt64) -> UInt64 {
        guard isSequential else { return 0 }
        return min(limit, Self.largestWindow, Self.windowFactor * min(readByteCount, Self.largestWindow))
    }

    /// Where the job that starts with `extent` ends: at a multiple of the job's size.
    static func jobByteCount(of extent: Extent) -> UInt64 {
        max(extent.byteCount, jobByteCount - extent.guestOffset % jobByteCount)
    }

    mutating func sharedPosition() -> ReaderPosition {
        if let shared { return shared }
        let made = ReaderPosition(at: position)
        shared = made
        return made
    }

    mutating func skip(to end: UInt64) {
        requestedEnd = end
    }

    mutating func request(upTo end: UInt64) {
        requests.append(Request(end: end, byteCount: end - requestedEnd))
        requestedByteCount += end - requestedEnd
        requestedEnd = end
    }
}
