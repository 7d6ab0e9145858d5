// Finds out who reads a disk from front to back, and keeps decoded clusters ready for them.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The sequential readers of one guest disk. A reader that jumps about never causes a request.
final class ReadAhead: Sendable {
    private struct State {
        var streams: [SequentialStream] = []
        /// Counts the reads of this disk.
        var clock: UInt64 = 0
    }

    private static let mostStreams = 32
    /// What is decoded ahead of each of many readers, in bytes of the guest disk.
    private static let leastWindow: UInt64 = 1 << 20

    private let prefetcher: Prefetcher
    /// The most guest bytes that are decoded ahead of one reader.
    private let windowByteLimit: UInt64
    private let state: SleepingMutex<State>

    /// One reader may take `windowByteLimit` bytes of the cache.
    init(prefetcher: Prefetcher, windowByteLimit: Int) {
        self.prefetcher = prefetcher
        self.windowByteLimit = UInt64(max(0, windowByteLimit))
        var state = State()
        state.streams.reserveCapacity(Self.mostStreams)
        self.state = SleepingMutex(state)
    }

    /// Takes note of a read, and asks for what its reader will want next. Where another thread is at that, the read is
    /// not noted: no one waits here, and the next read of the stream finds it.
    func reader(of disk: GuestDisk, reads count: Int, at offset: UInt64) {
        guard disk.clusterByteCount > 0 else { return }
        let end = offset + UInt64(count)
        _ = state.withLockIfAvailable { state in
            state.clock += 1
            if let index = bestStream(in: state, forReading: UInt64(count), at: offset) {
                state.streams[index].advance(byReading: UInt64(count), to: end, now: state.clock)
                request(for: &state.streams[index], of: disk)
            } else {
                start(SequentialStream(at: end, now: state.clock), in: &state)
            }
        }
    }

    /// The stream that the read goes on with: rather one that is sequential, and the nearest of several.
    private func bestStream(in state: State, forReading count: UInt64, at offset: UInt64) -> Int? {
        var best: Int?
        for index in state.streams.indices {
            let stream = state.streams[index]
            guard stream.isContinued(byReading: count, at: offset) else { continue }
            guard let other = best.map({ state.streams[$0] }) else {
                best = index
                continue
            }
            let isBetter =
                stream.isSequential == other.isSequential
                ? stream.distance(to: offset) < other.distance(to: offset) : stream.isSequential
            if isBetter { best = index }
        }
        return best
    }

    /// Adds a stream, in the place of the one that is worth least where there are many.
    private func start(_ stream: SequentialStream, in state: inout State) {
        if state.streams.count < Self.mostStreams {
            state.streams.append(stream)
        } else if let least = state.streams.indices.min(by: {
            state.streams[$0].worth < state.streams[$1].worth
        }) {
            state.streams[least] = stream
        }
    }

    /// Whether half of the cache is taken by what readers are still to come for. More of it would push out what another
    /// reader is about to read, and that would be decoded twice.
    private func isCrowded(_ cache: ClusterCache) -> Bool {
        prefetcher.queuedByteCount + cache.awaitedByteCount >= cache.byteLimit / 2
    }

    /// Asks for clusters until the stream's window is full. Holes cost nothing and do not count, so that the
    /// cores have work while a reader crosses them. The map, which may have to load a table, is looked at under the lock
    /// of the streams: that orders the requests of one reader, and no one waits for it.
    private func request(for stream: inout SequentialStream, of disk: GuestDisk) {
        for _ in 0..<SequentialStream.mostRequestsAtOnce {
            let limit = isCrowded(disk.cache) ? min(Self.leastWindow, windowByteLimit) : windowByteLimit
            var cursor = LayerCursor()
            guard stream.requestedByteCount < stream.window(upTo: limit),
                stream.requestedEnd < disk.byteCount,
                let extent = try? disk.extentAhead(containing: stream.requestedEnd, &cursor).extent
            else { return }
            guard case .compressed = extent.storage else {
                stream.skip(to: extent.guestEnd)
                continue
            }
            let end = min(disk.byteCount, extent.guestOffset + SequentialStream.jobByteCount(of: extent))
            let reader = stream.sharedPosition()
            guard prefetcher.request(extent.guestOffset..<end, of: disk, aheadOf: reader) else { return }
            stream.request(upTo: end)
        }
    }
}
