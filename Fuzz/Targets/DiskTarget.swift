// Partition tables of disks that are decoded.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import Partitions

/// Takes the bytes as a disk image, whose guest's disk has a table; what the table lists has to be on the disk.
enum DiskTarget {
    static func run(_ bytes: [UInt8]) {
        let cache = ClusterCache(byteLimit: 32 << 20)
        let number = cache.makeDiskNumber()
        let source = MemorySource(bytes)
        guard
            let image = try? DiskImageOpener.open(
                source, named: "disk", in: cache, for: number, options: .init(budget: OpeningBudget()))
        else { return }
        let disk = GuestDisk(image, in: source, cache: cache, number: number)
        for sectorByteCount: UInt64? in [nil, 4_096] {
            let table = try? PartitionTable.read(from: disk, sectorByteCount: sectorByteCount)
            for partition in table?.partitions ?? [] {
                precondition(partition.byteCount > 0 && partition.end <= disk.byteCount)
                _ = try? disk.bytes(Int(min(partition.byteCount, 512)), at: partition.offset)
            }
        }
    }
}
