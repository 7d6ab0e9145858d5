// Asks for what the sequential readers of a disk that is far away will want next, in the order of the guest.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The readers of one guest disk of which a file comes from afar. What a reader will want is told to the file before it is
/// read, wherever in the file that is: over holes, through scattered clusters, and with the tables that lead to it. What a
/// reader that jumps about wants is not guessed.
final class FarReadAhead: Sendable {
    private struct State {
        var readers: [FarReader] = []
        /// Counts the reads of this disk.
        var clock: UInt64 = 0
    }

    /// A stretch of one file.
    private struct Stretch {
        let layer: Int
        let range: Range<UInt64>

        func isBeside(_ other: Range<UInt64>, within gap: UInt64) -> Bool {
            let distance =
                other.lowerBound >= range.upperBound
                ? other.lowerBound - range.upperBound
                : range.lowerBound >= other.upperBound ? range.lowerBound - other.upperBound : 0
            return distance < gap
        }

        func joined(with other: Range<UInt64>) -> Stretch {
            let start = min(range.lowerBound, other.lowerBound)
            return Stretch(layer: layer, range: start..<max(range.upperBound, other.upperBound))
        }
    }

    private static let mostReaders = 32
    /// Extents that one read may look at.
    private static let mostExtents = 1_024
    /// A read of more than this is told to the file as a whole, before its first part is waited for.
    private static let largeReadByteCount: UInt64 = 256 << 10
    /// What lies closer together is asked for as one.
    private static let smallGap: UInt64 = 64 << 10

    /// The most stored bytes that are asked for ahead of one reader.
    private let windowByteLimit: UInt64
    private let state = SleepingMutex(State())

    init(windowByteLimit: Int) {
        self.windowByteLimit = UInt64(max(0, windowByteLimit))
    }

    /// Takes note of a read of guest bytes `range`, and asks for what its reader will want next. Waits for nothing: where a
    /// table is not there yet it is asked for, and a later read goes on behind it.
    func reader(of disk: GuestDisk, reads range: Range<UInt64>) {
        guard Patience.current != .usesCacheOnly else { return }
        // Where another thread is at that, the next read finds it.
        _ = state.withLockIfAvailable { state in
            state.clock += 1
            let index = reader(for: range, in: &state)
            state.readers[index].advance(by: range, now: state.clock, upTo: windowByteLimit)
            let isLarge = UInt64(range.count) > Self.largeReadByteCount
            ask(for: &state.readers[index], of: disk, atLeastTo: isLarge ? range.upperBound : 0)
        }
    }

    /// Asks for what a read of guest bytes `range` will want, as far as the map says it already; else for what the map
    /// lacks.
    func prepare(_ range: Range<UInt64>, of disk: GuestDisk) {
        var reader = FarReader(at: range.lowerBound)
        ask(for: &reader, of: disk, atLeastTo: range.upperBound)
    }

    /// The nearest reader that the read may go on for; else a new one, in the place of the one that was last seen.
    private func reader(for range: Range<UInt64>, in state: inout State) -> Int {
        let known = state.readers.indices.filter { state.readers[$0].isContinued(by: range) }
        if let nearest = known.min(by: {
            state.readers[$0].distance(to: range) < state.readers[$1].distance(to: range)
        }) {
            return nearest
        }
        let reader = FarReader(at: range.lowerBound)
        if state.readers.count < Self.mostReaders {
            state.readers.append(reader)
            return state.readers.count - 1
        }
        let oldest =
            state.readers.indices.min { state.readers[$0].lastSeen < state.readers[$1].lastSeen } ?? 0
        state.readers[oldest] = reader
        return oldest
    }

    /// Goes on along the map from where `reader` has asked, to guest byte `end` and until its window is full.
    private func ask(for reader: inout FarReader, of disk: GuestDisk, atLeastTo end: UInt64) {
        guard end > reader.askedEnd || reader.wantsMore else { return }
        var stretch: Stretch?
        var cursor = LayerCursor()
        for _ in 0..<Self.mostExtents {
            let position = reader.askedEnd
            guard position < disk.byteCount, position < end || reader.hasRoom,
                let found = Patience.decodes.during({ try? disk.extent(containing: position, &cursor) })
            else { break }
            let room = max(reader.room, end - min(end, position))
            let guestEnd = min(found.extent.guestEnd, disk.byteCount)
            var stored: Range<UInt64>?
            var next = guestEnd
            switch found.extent.storage {
            case .compressed(let cluster):
                stored = cluster.storedOffset..<(cluster.storedOffset + UInt64(cluster.storedByteCountLimit))
            case .stored(let start):
                let skipped = position - found.extent.guestOffset
                let count = min(guestEnd - position, max(room, 1))
                next = position + count
                stored = (start + skipped)..<(start + skipped + count)
            case .zeros, .absent, .elsewhere, .damaged: break
            }
            reader.ask(to: next, storedByteCount: UInt64(stored?.count ?? 0))
            guard let stored else { continue }
            if let open = stretch, open.layer == found.layer, open.isBeside(stored, within: Self.smallGap) {
                stretch = open.joined(with: stored)
            } else {
                if let stretch { disk.layers[stretch.layer].file.prepare(stretch.range) }
                stretch = Stretch(layer: found.layer, range: stored)
            }
        }
        if let stretch { disk.layers[stretch.layer].file.prepare(stretch.range) }
    }
}
