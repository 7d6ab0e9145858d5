// Live counters of what was decoded and what was found decoded.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Counters that only grow; reading them gives a moment's view, not a consistent one.
package final class ReadStatistics: Sendable {
    private let decoded = Atomic<UInt64>(0)
    private let decodedAhead = Atomic<UInt64>(0)
    private let hits = Atomic<UInt64>(0)

    /// Clusters that were decoded, by readers and ahead of them.
    package var clustersDecoded: UInt64 { decoded.load(ordering: .relaxed) }
    /// Clusters that were decoded ahead of a reader.
    package var clustersDecodedAhead: UInt64 { decodedAhead.load(ordering: .relaxed) }
    /// Reads of a cluster that found it decoded.
    package var cacheHits: UInt64 { hits.load(ordering: .relaxed) }

    func countDecoded(ahead: Bool = false) {
        decoded.add(1, ordering: .relaxed)
        if ahead { decodedAhead.add(1, ordering: .relaxed) }
    }

    func countHit() {
        hits.add(1, ordering: .relaxed)
    }
}
