// Disks with partition tables, made in memory.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport

@testable import Partitions

typealias BootEntry = (type: UInt8, start: UInt32, count: UInt32)

enum PartitionSamples {
    /// A disk of `sectorCount` sectors of `sectorByteCount` bytes with boot records at sectors.
    static func mbr(
        _ sectorCount: Int, _ records: [Int: [BootEntry]], signature: UInt32 = 0, sectorByteCount: Int = 512
    ) -> [UInt8] {
        var disk = [UInt8](repeating: 0, count: sectorCount * sectorByteCount)
        for (sector, entries) in records {
            disk.put(
                PartitionTableBuilder.bootRecord(entries, signature: sector == 0 ? signature : 0),
                at: sector * sectorByteCount)
        }
        return disk
    }

    /// A disk of 2 MiB with a GPT of two partitions, changed by `change`.
    static func gpt(
        byteCount: Int = 2 << 20, _ change: (inout PartitionTableBuilder.GPT) -> Void = { _ in }
    ) -> [UInt8] {
        var disk = [UInt8](repeating: 0, count: byteCount)
        var table = PartitionTableBuilder.GPT([
            .init(64, 127, name: "EFI System"), .init(128, 1_127, name: "Wurzel äöü €"),
        ])
        change(&table)
        table.write(onto: &disk)
        return disk
    }

    static func table(
        _ disk: [UInt8], sectorByteCount: UInt64? = nil
    ) throws(ReadError) -> PartitionTable? {
        try PartitionTable.read(from: MemorySource(disk), sectorByteCount: sectorByteCount)
    }
}

extension PartitionTable {
    /// `number: first sector, sectors`, of each partition.
    var places: [String] {
        partitions.map { "\($0.number): \($0.offset / sectorByteCount), \($0.byteCount / sectorByteCount)" }
    }

    var texts: [String] { warnings.map(\.text) }
}
