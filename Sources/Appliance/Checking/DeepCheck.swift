// Decoding every cluster of a disk, to find those that are damaged.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
package import DiskImages
import Synchronization

/// Reads a guest disk through on several threads and keeps going where it is damaged.
package final class DeepCheck: Sendable {
    /// A stretch of the guest disk that cannot be read.
    package struct Damage: Sendable, Equatable {
        /// In bytes on the guest disk.
        package let guestOffset: UInt64
        package let byteCount: UInt64
        /// Names the record and its place in the stored file.
        package let error: ReadError
    }

    /// More are counted, and not listed.
    package static let mostDamagesListed = 1_000

    private struct State {
        var damages: [Damage] = []
        var count = 0
    }

    private let disk: GuestDisk
    private let queue: StretchQueue
    private let state = Mutex(State())

    package init(of disk: GuestDisk) {
        self.disk = disk
        queue = StretchQueue(byteCount: disk.byteCount)
    }

    /// How many guest bytes there are to be dealt with.
    package var byteCount: UInt64 { disk.byteCount }

    /// Guest bytes that have been dealt with so far, holes included.
    package var progress: UInt64 { queue.doneByteCount }

    /// Checks the whole disk.
    /// - Returns: What is damaged, in the order of the guest disk, and how many such places there are in all.
    package func run(threadCount: Int) -> (damages: [Damage], count: Int) {
        WorkerThread.concurrently(threadCount) { _ in self.checkStretches() }
        return state.withLock { ($0.damages.sorted { $0.guestOffset < $1.guestOffset }, $0.count) }
    }

    private func checkStretches() {
        let buffer = CopyBuffer(byteCount: StretchQueue.stretchByteCount)
        while let stretch = queue.take() {
            check(stretch, through: buffer)
            queue.finish(stretch)
        }
    }

    private func check(_ stretch: Range<UInt64>, through buffer: CopyBuffer) {
        do throws(ReadError) {
            guard try disk.firstOffset(of: .data, in: stretch) != nil else {
                let behind = stretch.upperBound..<disk.byteCount
                queue.skipHole(upTo: try disk.firstOffset(of: .data, in: behind) ?? disk.byteCount)
                return
            }
            try read(stretch, through: buffer)
        } catch {
            findDamage(in: stretch, through: buffer)
        }
    }

    /// Goes through a stretch that cannot be read whole, extent by extent.
    private func findDamage(in stretch: Range<UInt64>, through buffer: CopyBuffer) {
        var position = stretch.lowerBound
        while position < stretch.upperBound {
            var end = stretch.upperBound
            do throws(ReadError) {
                end = min(end, try disk.extent(containing: position).guestEnd)
                try read(position..<end, through: buffer)
            } catch {
                note(Damage(guestOffset: position, byteCount: end - position, error: error))
            }
            position = end
        }
    }

    private func read(_ range: Range<UInt64>, through buffer: CopyBuffer) throws(ReadError) {
        try buffer.fill { room throws(ReadError) in
            try disk.readOnce(Int(range.upperBound - range.lowerBound), at: range.lowerBound, into: &room)
        }
    }

    private func note(_ damage: Damage) {
        state.withLock { state in
            state.count += 1
            if state.damages.count < Self.mostDamagesListed { state.damages.append(damage) }
        }
    }
}
