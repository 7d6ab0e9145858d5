// Live counters of what the server answered.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Counters that only grow; reading them gives a moment's view, not a consistent one.
package final class ServerStatistics: Sendable {
    private let requests = Atomic<UInt64>(0)
    private let served = Atomic<UInt64>(0)
    private let failures = Atomic<UInt64>(0)

    package init() {}

    /// Requests to read that came from the kernel.
    package var readRequests: UInt64 { requests.load(ordering: .relaxed) }
    /// Bytes that were handed to the kernel.
    package var bytesServed: UInt64 { served.load(ordering: .relaxed) }
    /// Requests to read that were answered with an error.
    package var failedReads: UInt64 { failures.load(ordering: .relaxed) }

    func countRead(byteCount: Int) {
        requests.add(1, ordering: .relaxed)
        served.add(UInt64(byteCount), ordering: .relaxed)
    }

    func countFailedRead() {
        requests.add(1, ordering: .relaxed)
        failures.add(1, ordering: .relaxed)
    }
}
