// Live counters of what a mount has done.
// SPDX-License-Identifier: Apache-2.0

package import Synchronization

/// Counters that only grow; reading them gives a moment's view, not a consistent one.
package final class ReadStatistics: Sendable {
    /// Clusters that were decoded, by readers and ahead of them.
    package let clustersDecoded = Atomic<UInt64>(0)
    /// Clusters that a read found already decoded.
    package let cacheHits = Atomic<UInt64>(0)
    /// Clusters that were decoded ahead of a reader.
    package let clustersPrefetched = Atomic<UInt64>(0)
}
