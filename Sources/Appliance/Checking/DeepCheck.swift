// Decoding every cluster of a disk, to find those that are damaged.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
package import DiskImages

/// Reads a guest disk through on several threads and keeps going where it is damaged.
package final class DeepCheck: Sendable {
    /// A place of the guest disk that cannot be read, as large as it can be: nothing that touches it is damaged.
    package struct Damage: Sendable, Equatable {
        /// In bytes on the guest disk.
        package let guestOffset: UInt64
        package let byteCount: UInt64
        /// Names the first record and its place in the stored file.
        package let error: ReadError
        /// How many other errors there are in the same place.
        package let furtherCount: Int

        package init(guestOffset: UInt64, byteCount: UInt64, error: ReadError, furtherCount: Int = 0) {
            self.guestOffset = guestOffset
            self.byteCount = byteCount
            self.error = error
            self.furtherCount = furtherCount
        }

        /// One line: the first error, and how many there are besides.
        package var reason: String {
            furtherCount == 0 ? "\(error)" : "\(error), and \(furtherCount) more"
        }
    }

    /// More are counted, and not listed.
    package static let mostDamagesListed = 1_000

    private struct State {
        var places = DamagedPlaces(errorLimit: mostDamagesListed)
        /// Why nothing more can be said of the disk.
        var loss: ReadError?
    }

    private let disk: GuestDisk
    private let queue: StretchQueue
    private let state = SleepingMutex(State())

    package init(of disk: GuestDisk) {
        self.disk = disk
        queue = StretchQueue(byteCount: disk.byteCount)
    }

    /// How many guest bytes there are to be dealt with.
    package var byteCount: UInt64 { disk.byteCount }

    /// Guest bytes that have been dealt with so far, holes included.
    package var progress: UInt64 { queue.doneByteCount }

    /// Why the check ended before the disk did: its source is another one, or was not there in time, or the process lacks
    /// something. That says nothing of the disk. Nil where it did not.
    package var loss: ReadError? { state.withLock { $0.loss } }

    /// Checks the whole disk.
    /// - Returns: What is damaged, in the order of the guest disk, and how many such places there are in all.
    package func run(threadCount: Int) -> (damages: [Damage], count: Int) {
        WorkerThread.concurrently(threadCount) { _ in self.checkStretches() }
        return state.withLock { $0.places.joined() }
    }

    private func checkStretches() {
        let buffer: CopyBuffer
        do throws(ReadError) {
            buffer = try CopyBuffer(byteCount: StretchQueue.stretchByteCount)
        } catch {
            return state.withLock { $0.loss = $0.loss ?? error }
        }
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
            if error.isLoss {
                state.withLock { $0.loss = error }
            } else {
                findDamage(in: stretch, through: buffer)
            }
        }
    }

    /// Goes through a stretch that cannot be read whole.
    private func findDamage(in stretch: Range<UInt64>, through buffer: CopyBuffer) {
        var found = DamagedPlaces(errorLimit: Self.mostDamagesListed)
        let search = DamageSearch(
            place: DiskPlace(disk, from: 0),
            read: { part throws(ReadError) in try self.read(part, through: buffer) },
            note: { part, error throws(CopyError) in found.append(part, error) })
        var loss: ReadError?
        do throws(CopyError) {
            try search.run(in: stretch)
        } catch {
            // Something that is no damage of a place keeps the rest from being looked at.
            loss = if case .source(let error) = error { error } else { .unsupported(feature: "\(error)") }
        }
        state.withLock { state in
            state.places.append(found)
            state.loss = state.loss ?? loss
        }
    }

    private func read(_ range: Range<UInt64>, through buffer: CopyBuffer) throws(ReadError) {
        try buffer.fill { room throws(ReadError) in
            try disk.readOnce(Int(range.upperBound - range.lowerBound), at: range.lowerBound, into: &room)
        }
    }
}
