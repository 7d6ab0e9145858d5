// How far the transfer of a file is that comes in one piece, in the log of a mount.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Logging
import RemoteSources

/// Writes a line when a mount begins before all of its source has come, one from time to time, and one when all is there.
final class TransferLog: Sendable {
    /// How often it is looked, and how often that is a line, in seconds.
    private static let lookInterval = 1.0
    private static let lineInterval = 30.0

    private let meter: RemoteMeter
    private let source: String
    private let log: Logger
    private let isStopped = Monitor(false)

    /// Starts it in a thread of its own; nil where everything is there. That the system has no thread for it is no error.
    init?(of meter: RemoteMeter, for source: String, _ log: Logger) {
        guard meter.arrivedByteCount < meter.transferByteCount else { return nil }
        self.meter = meter
        self.source = source
        self.log = log
        _ = try? WorkerThread { self.run() }
    }

    func stop() {
        isStopped.withLock { $0 = true }
        isStopped.wake()
    }

    private func run() {
        var nextLine = 0.0
        repeat {
            let (here, all) = (meter.arrivedByteCount, meter.transferByteCount)
            guard here < all else {
                log.info("\(source): all of it has come: \(ByteCount.text(all))")
                return
            }
            guard MonotonicClock.now >= nextLine else { continue }
            nextLine = MonotonicClock.now + Self.lineInterval
            let percent = Int(Double(here) / Double(max(1, all)) * 100)
            log.info("\(source): \(percent) % of \(ByteCount.text(all)) have come")
        } while !isStopped.withLock(
            waitingWhile: { !$0 }, until: MonotonicClock.now + Self.lookInterval, { $0 })
    }
}
