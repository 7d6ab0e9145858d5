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
        package fileprivate(set) var byteCount: UInt64
        /// Names the record and its place in the stored file.
        package let error: ReadError
    }

    /// More are counted, and not listed.
    package static let mostDamagesListed = 1_000

    private struct State {
        var damages: [Damage] = []
        var count = 0
        /// Why nothing more can be said of the disk.
        var loss: ReadError?
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

    /// Why the check ended before the disk did: its source is another one, or was not there in time. That says nothing of
    /// the disk. Nil where it did not.
    package var loss: ReadError? { state.withLock { $0.loss } }

    /// Checks the whole disk.
    /// - Returns: What is damaged, in the order of the guest disk, and how many such places there are in all.
    package func run(threadCount: Int) -> (damages: [Damage], count: Int) {
        WorkerThread.concurrently(threadCount) { _ in self.checkStretches() }
        return state.withLock { state in
            // What goes on in the next stretch is one place.
            var joined: [Damage] = []
            for damage in state.damages.sorted(by: { $0.guestOffset < $1.guestOffset }) {
                joined.append(joining: damage)
            }
            return (joined, state.count - (state.damages.count - joined.count))
        }
    }

    private func checkStretches() {
        let buffer = CopyBuffer(byteCount: StretchQueue.stretchByteCount)
        while loss == nil, let stretch = queue.take() {
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
            switch error {
            case .remote, .stale: state.withLock { $0.loss = error }
            default: findDamage(in: stretch, through: buffer)
            }
        }
    }

    /// Goes through a stretch that cannot be read whole.
    private func findDamage(in stretch: Range<UInt64>, through buffer: CopyBuffer) {
        var found: [Damage] = []
        var position = stretch.lowerBound
        let search = DamageSearch(
            place: DiskPlace(disk, from: 0),
            read: { part throws(ReadError) in
                try self.read(part, through: buffer)
                position = part.upperBound
            },
            note: { part, error throws(CopyError) in
                found.append(
                    joining: Damage(
                        guestOffset: part.lowerBound, byteCount: part.upperBound - part.lowerBound,
                        error: error))
                position = part.upperBound
            })
        do throws(CopyError) {
            try search.run(in: stretch)
        } catch {
            // Something that is no damage of a place keeps the rest from being looked at.
            let reason: ReadError =
                if case .source(let error) = error { error } else { .unsupported(feature: "\(error)") }
            found.append(
                joining: Damage(
                    guestOffset: position, byteCount: stretch.upperBound - position, error: reason))
        }
        note(found)
    }

    private func read(_ range: Range<UInt64>, through buffer: CopyBuffer) throws(ReadError) {
        try buffer.fill { room throws(ReadError) in
            try disk.readOnce(Int(range.upperBound - range.lowerBound), at: range.lowerBound, into: &room)
        }
    }

    private func note(_ damages: [Damage]) {
        state.withLock { state in
            state.count += damages.count
            state.damages += damages.prefix(max(0, Self.mostDamagesListed - state.damages.count))
        }
    }
}

extension [DeepCheck.Damage] {
    /// Adds what is behind all others, to the last one where that is the same damage and goes on.
    fileprivate mutating func append(joining damage: DeepCheck.Damage) {
        if let last, last.guestOffset + last.byteCount == damage.guestOffset, last.error == damage.error {
            self[count - 1].byteCount += damage.byteCount
        } else {
            append(damage)
        }
    }
}
