// Finds out who reads a disk from front to back, and keeps decoded clusters ready for them.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The sequential readers of one guest disk. A reader that jumps about never causes a request.
final class ReadAhead: Sendable {
    /// One reader that may be sequential.
    fileprivate struct Stream {
        /// Where its next read is expected.
        var position: UInt64
        /// How many reads came where they were expected.
        var hits = 0
        /// Up to where its clusters were asked for.
        var requestedEnd: UInt64
        /// When it was last seen, in reads of this disk.
        var lastSeen: UInt64
    }

    fileprivate struct State {
        var streams: [Stream] = []
        var clock: UInt64 = 0
    }

    fileprivate static let mostStreams = 8
    /// The kernel's read-ahead and several threads bring the reads of one reader in slightly mixed order.
    private static let tolerance: UInt64 = 2 << 20
    private static let firstWindow: UInt64 = 1 << 20
    private static let largestWindow: UInt64 = 8 << 20
    /// One job's guest bytes: small enough that all threads work on what the reader needs first.
    private static let jobByteCount: UInt64 = 512 << 10

    private let prefetcher: Prefetcher
    private let windowByteLimit: UInt64
    private let state = Mutex(State())

    init(prefetcher: Prefetcher, windowByteLimit: Int) {
        self.prefetcher = prefetcher
        self.windowByteLimit = min(UInt64(max(0, windowByteLimit)), Self.largestWindow)
        state.withLock { $0.streams.reserveCapacity(Self.mostStreams) }
    }

    /// Takes note of a read, and asks for what its reader will want next.
    func reader(of disk: GuestDisk, reads count: Int, at offset: UInt64) {
        guard disk.image.clusterByteCount > 0 else { return }
        let wanted: Range<UInt64>? = state.withLock { state in
            state.clock += 1
            let end = offset + UInt64(count)
            guard let index = state.streams.firstIndex(where: { Self.continues($0, at: offset) }) else {
                state.start(Stream(position: end, requestedEnd: end, lastSeen: state.clock))
                return nil
            }
            return advance(&state.streams[index], to: end, of: disk, now: state.clock)
        }
        guard let wanted else { return }
        var start = wanted.lowerBound
        while start < wanted.upperBound {
            let end = min(wanted.upperBound, (start / Self.jobByteCount + 1) * Self.jobByteCount)
            guard prefetcher.request(start..<end, of: disk) else { return }
            start = end
        }
    }

    private static func continues(_ stream: Stream, at offset: UInt64) -> Bool {
        offset <= stream.position &+ tolerance && offset &+ tolerance >= stream.position
    }

    /// Moves a stream on; what is to be asked for now, if anything.
    private func advance(
        _ stream: inout Stream, to end: UInt64, of disk: GuestDisk, now: UInt64
    ) -> Range<UInt64>? {
        stream.lastSeen = now
        guard end > stream.position else { return nil }
        stream.position = end
        stream.hits += 1
        guard stream.hits >= 2 else { return nil }
        let window = min(windowByteLimit, Self.firstWindow << UInt64(min(stream.hits - 2, 8)))
        let windowEnd = min(disk.byteCount, end + window)
        let start = max(stream.requestedEnd, end)
        // Small steps would be as many wake-ups; the last one before the end is taken whatever its size.
        guard windowEnd > start, windowEnd - start >= min(Self.jobByteCount, window / 2) || windowEnd == disk.byteCount
        else { return nil }
        stream.requestedEnd = windowEnd
        return start..<windowEnd
    }
}

extension ReadAhead.State {
    /// Adds a stream in the place of the one that was seen longest ago.
    fileprivate mutating func start(_ stream: ReadAhead.Stream) {
        if streams.count < ReadAhead.mostStreams {
            streams.append(stream)
        } else if let oldest = streams.indices.min(by: { streams[$0].lastSeen < streams[$1].lastSeen }) {
            streams[oldest] = stream
        }
    }
}
