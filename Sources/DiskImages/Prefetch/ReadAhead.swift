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

    /// Takes note of a read, and asks for what its reader will want next.
    func reader(of disk: GuestDisk, reads count: Int, at offset: UInt64) {
        guard disk.image.clusterByteCount > 0 else { return }
        let end = offset + UInt64(count)
        state.withLock { state in
            state.clock += 1
            let index = state.streams.firstIndex { $0.isContinued(byReading: UInt64(count), at: offset) }
            if let index {
                state.streams[index].advance(byReading: UInt64(count), to: end, now: state.clock)
                request(for: &state.streams[index], of: disk)
            } else {
                start(SequentialStream(at: end, now: state.clock), in: &state)
            }
        }
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

    /// Asks for clusters until the stream's window is full. Holes cost nothing and do not count, so that the
    /// cores have work while a reader crosses them. The map is looked at under this disk's stream lock, which
    /// orders the requests of one reader; no reader of decoded data ever takes it.
    private func request(for stream: inout SequentialStream, of disk: GuestDisk) {
        let window = stream.window(upTo: windowByteLimit)
        for _ in 0..<SequentialStream.mostRequestsAtOnce {
            guard stream.requestedByteCount < window, stream.requestedEnd < disk.byteCount,
                let extent = try? disk.image.extent(containing: stream.requestedEnd)
            else { return }
            guard case .compressed = extent.storage else {
                stream.skip(to: extent.guestEnd)
                continue
            }
            let end = min(disk.byteCount, extent.guestOffset + SequentialStream.jobByteCount(of: extent))
            guard prefetcher.request(extent.guestOffset..<end, of: disk) else { return }
            stream.request(upTo: end)
        }
    }
}
