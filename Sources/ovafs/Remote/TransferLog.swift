// How far the transfer of a file is that comes in one piece, in the log of a mount.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Logging
import RemoteSources

/// Writes a line when a mount begins before all of its source has come, one from time to time where more has come, one when
/// all is there, and one when no more comes.
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
        guard meter.transferByteCount > 0, meter.stateOfTransfer != .complete else { return nil }
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
        var (shown, end): (UInt64?, UInt64?)
        repeat {
            let (here, all) = (meter.arrivedByteCount, meter.transferByteCount)
            switch meter.stateOfTransfer {
            case .complete:
                log.info("\(source): all of it has come: \(ByteCount.text(all))")
                return
            case .ended(let reason):
                // Each reader may have it begun anew.
                if end != here { log.warning("\(source): no more of it comes: \(reason)") }
                end = here
            case .running:
                guard MonotonicClock.now >= nextLine, shown != here else { continue }
                shown = here
                nextLine = MonotonicClock.now + Self.lineInterval
                let percent = Int(min(1, Double(here) / Double(max(1, all))) * 100)
                log.info("\(source): \(percent) % of \(ByteCount.text(all)) have come")
            }
        } while !isStopped.withLock(
            waitingWhile: { !$0 }, until: MonotonicClock.now + Self.lookInterval, { $0 })
    }
}
