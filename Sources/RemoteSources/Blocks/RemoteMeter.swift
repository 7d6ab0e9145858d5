// What was asked of servers, and what came back.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization

/// Counters of all remote sources that share it.
package final class RemoteMeter: Sendable {
    private let requests = Atomic<UInt64>(0)
    private let bytes = Atomic<UInt64>(0)
    private let retries = Atomic<UInt64>(0)
    private let waiting = Atomic<Int>(0)
    private let transfers = Atomic<UInt64>(0)
    private let arrivals = Atomic<UInt64>(0)
    private let transferState = SleepingMutex(TransferState.running)
    private let times = SleepingMutex((roundTrip: 0.0, rate: 0.0))

    /// Transfers shorter than this say nothing of the rate, in bytes.
    private static let leastByteCountForRate: UInt64 = 256 << 10

    /// How a transfer of a whole file stands.
    package enum TransferState: Sendable, Equatable {
        case running
        /// All of it is there, and may be read.
        case complete
        /// No more of it comes unless someone asks; why.
        case ended(String)
    }

    package init() {}

    /// That of the last one.
    package var stateOfTransfer: TransferState { transferState.withLock { $0 } }
    package var requestCount: UInt64 { requests.load(ordering: .relaxed) }
    /// What came in bodies that counted, in bytes.
    package var byteCount: UInt64 { bytes.load(ordering: .relaxed) }
    package var retryCount: UInt64 { retries.load(ordering: .relaxed) }
    /// What transfers of whole files bring in all, and what they have brought, in bytes.
    package var transferByteCount: UInt64 { transfers.load(ordering: .relaxed) }
    package var arrivedByteCount: UInt64 { arrivals.load(ordering: .relaxed) }
    /// Reads that wait right now.
    package var waitingReadCount: Int { waiting.load(ordering: .relaxed) }
    /// From a request to the first byte of its answer, in seconds, as it usually is; 0 where nothing is known.
    package var roundTrip: Double { times.withLock { $0.roundTrip } }
    /// Of one connection, in bytes a second; 0 where nothing is known.
    package var rate: Double { times.withLock { $0.rate } }

    func noteRequest() { requests.add(1, ordering: .relaxed) }

    func noteRetry() { retries.add(1, ordering: .relaxed) }

    func noteTransfer(of byteCount: UInt64) { transfers.wrappingAdd(byteCount, ordering: .relaxed) }

    func noteArrival(of byteCount: UInt64) { arrivals.wrappingAdd(byteCount, ordering: .relaxed) }

    func noteTransfer(_ state: TransferState) { transferState.withLock { $0 = state } }

    func noteWaiting(_ change: Int) { waiting.add(change, ordering: .relaxed) }

    func note(_ transfer: TransferTimes) {
        bytes.add(transfer.byteCount, ordering: .relaxed)
        times.withLock { times in
            times.roundTrip =
                times.roundTrip == 0 ? transfer.roundTrip : times.roundTrip * 0.75 + transfer.roundTrip * 0.25
            guard transfer.byteCount >= Self.leastByteCountForRate, transfer.transfer > 0 else { return }
            let rate = Double(transfer.byteCount) / transfer.transfer
            times.rate = times.rate == 0 ? rate : times.rate * 0.75 + rate * 0.25
        }
    }
}
