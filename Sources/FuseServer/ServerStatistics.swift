// Live counters of what the server answered.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Counters; all but `waitingReads` only grow. Reading them gives a moment's view, not a consistent one.
package final class ServerStatistics: Sendable {
    private let requests = Atomic<UInt64>(0)
    private let served = Atomic<UInt64>(0)
    private let failures = Atomic<UInt64>(0)

    private let waiting = Atomic<Int64>(0)
    private let waited = Atomic<UInt64>(0)
    private let interrupted = Atomic<UInt64>(0)

    package init() {}

    /// Requests to read that came from the kernel.
    package var readRequests: UInt64 { requests.load(ordering: .relaxed) }
    /// Bytes that were handed to the kernel.
    package var bytesServed: UInt64 { served.load(ordering: .relaxed) }
    /// Requests to read that were answered with an error.
    package var failedReads: UInt64 { failures.load(ordering: .relaxed) }

    /// Requests that wait for their bytes now.
    package var waitingReads: UInt64 { UInt64(max(0, waiting.load(ordering: .relaxed))) }
    /// Requests that could not be answered at once.
    package var readsThatWaited: UInt64 { waited.load(ordering: .relaxed) }
    /// Requests whose reader was interrupted while they waited.
    package var interruptedReads: UInt64 { interrupted.load(ordering: .relaxed) }

    func countWaiting() {
        waiting.add(1, ordering: .relaxed)
        waited.add(1, ordering: .relaxed)
    }

    func countNoLongerWaiting() {
        waiting.subtract(1, ordering: .relaxed)
    }

    func countInterrupted() {
        interrupted.add(1, ordering: .relaxed)
    }

    func countRead(byteCount: Int) {
        requests.add(1, ordering: .relaxed)
        served.add(UInt64(byteCount), ordering: .relaxed)
    }

    func countFailedRead() {
        requests.add(1, ordering: .relaxed)
        failures.add(1, ordering: .relaxed)
    }
}
