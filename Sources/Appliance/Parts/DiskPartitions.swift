// The partitions of a disk as a mount shows them.
// SPDX-License-Identifier: Apache-2.0

package import Partitions

/// A partition table, and where its partitions are shown.
package struct DiskPartitions: Sendable {
    package let table: PartitionTable
    /// The folder with a file for each partition, as names below `.ova/partitions`.
    package let folder: [[UInt8]]
}
