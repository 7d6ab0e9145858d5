// Partition tables.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Partitions

enum PartitionTarget {
    /// Reads the table of a disk that is these bytes; what it lists has to be on the disk.
    static func run(_ bytes: [UInt8]) {
        for sectorByteCount: UInt64? in [nil, 4_096] {
            let table = try? PartitionTable.read(
                from: MemorySource(bytes), sectorByteCount: sectorByteCount)
            for partition in table?.partitions ?? [] {
                precondition(partition.byteCount > 0 && partition.end <= UInt64(bytes.count))
            }
        }
    }
}
