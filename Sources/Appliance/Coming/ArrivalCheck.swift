// Looks at disks that were read before they had come, once they have.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// What was served of a disk before its end was there is compared with that end when someone reads it. This does so when the
/// last byte has come, so that the disk's state and the log say what is wrong though no one reads.
package final class ArrivalCheck: Sendable {
    /// How often it is looked whether all is there, in seconds.
    private static let lookInterval = 1.0

    private let disks: [ApplianceDisk]
    private let report: @Sendable (String) -> Void
    private let isStopped = Monitor(false)

    /// Nil where all disks are known. `report` is told a line for each disk that turns out to be damaged.
    package init?(of appliance: Appliance, report: @escaping @Sendable (String) -> Void) {
        disks = appliance.disks.filter { $0.source?.isProvisional ?? false }
        guard !disks.isEmpty else { return nil }
        self.report = report
    }

    /// Goes on in a thread of its own until all was looked at, or `stop`.
    /// - Throws: `ReadError.system` where the system has no thread to give.
    package func start() throws(ReadError) {
        _ = try WorkerThread { self.run() }
    }

    package func stop() {
        isStopped.withLock { $0 = true }
        isStopped.wake()
    }

    private func run() {
        var left = disks
        repeat {
            left.removeAll { disk in
                guard let source = disk.source, source.isProvisional else { return true }
                guard Self.hasCome(disk) else { return false }
                look(at: source, of: disk)
                return true
            }
        } while !left.isEmpty
            && isStopped.withLock(
                waitingWhile: { !$0 }, until: MonotonicClock.now + Self.lookInterval, { !$0 })
    }

    private static func hasCome(_ disk: ApplianceDisk) -> Bool {
        guard let stored = disk.stored, stored.byteCount > 0 else { return true }
        return stored.isAtHand((stored.byteCount - 1)..<stored.byteCount)
    }

    /// Any read has the image opened as a whole.
    private func look(at source: any ByteSource, of disk: ApplianceDisk) {
        guard source.byteCount > 0 else { return }
        do throws(ReadError) {
            _ = try source.bytes(1, at: 0)
        } catch {
            guard error.isDamage else { return }
            disk.metDamage.note(error)
            report("\(disk.rawFileName): \(error)")
        }
    }
}
