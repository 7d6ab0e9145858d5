// The partition table of a disk: which kind it is, and what it lists.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// The partitions of a guest disk. What is wrong with a table is a warning, and a partition that makes no sense is absent.
package struct PartitionTable: Sendable {
    package enum Scheme: String, Sendable {
        case mbr
        case gpt
    }

    package let scheme: Scheme
    /// What the table counts in, in bytes: 512 or 4,096.
    package let sectorByteCount: UInt64
    /// Ascending by number.
    package let partitions: [Partition]
    /// What is questionable; a bounded number of them.
    package let warnings: [PartitionWarning]

    /// Reads the table of `disk`; nil where it has none, as an image of one file system.
    ///
    /// `sectorByteCount` is the disk's, where its format says so; without one, the GPT is looked for with sectors of
    /// 512 and of 4,096 bytes. At most 25 MiB are read: the first sector, then up to 1,000 records of logical partitions, or
    /// up to six headers with the entries of each.
    /// - Throws: what reading the disk's first sector throws.
    package static func read(
        from disk: any ByteSource, sectorByteCount: UInt64? = nil
    ) throws(ReadError) -> PartitionTable? {
        guard let boot = try MasterBootRecord(of: disk) else { return nil }
        let known = sectorByteCount.flatMap { sectorByteCounts.contains($0) ? $0 : nil }
        // A GPT is announced by an entry of type EE; one left behind by an MBR that replaced it is not.
        return boot.announcesGPT
            ? try readGPT(of: disk, known, isHybrid: boot.isHybrid)
            : try readMBR(boot, of: disk, known ?? sectorByteCounts[0])
    }

    /// The sizes that sectors have, the usual one first.
    private static let sectorByteCounts: [UInt64] = [512, 4_096]

    private static func readGPT(
        of disk: any ByteSource, _ known: UInt64?, isHybrid: Bool
    ) throws(ReadError) -> PartitionTable {
        var notes = PartitionNotes()
        let found = try GUIDPartitionTable.find(on: disk, known.map { [$0] } ?? sectorByteCounts, &notes)
        let partitions = found?.partitions ?? []
        if isHybrid {
            notes.add(
                .hybrid,
                found == nil
                    ? "the MBR lists partitions of its own beside the GPT that is not sound; none are shown"
                    : "the MBR lists partitions of its own beside the GPT; the GPT's are shown")
        }
        notes.add(about: partitions)
        return PartitionTable(
            scheme: .gpt, sectorByteCount: found?.sectorByteCount ?? known ?? sectorByteCounts[0],
            partitions: partitions, warnings: notes.warnings)
    }

    private static func readMBR(
        _ boot: MasterBootRecord, of disk: any ByteSource, _ sectorByteCount: UInt64
    ) throws(ReadError) -> PartitionTable {
        var notes = PartitionNotes()
        let primary = boot.primaryPartitions(of: disk, sectorByteCount: sectorByteCount, &notes)
        var logical = LogicalPartitions(
            of: disk, sectorByteCount: sectorByteCount, signature: boot.signature, notes: notes)
        for container in boot.entries where container.isExtended { try logical.read(in: container) }
        let partitions = primary + logical.partitions
        notes = logical.notes
        notes.add(about: partitions)
        return PartitionTable(
            scheme: .mbr, sectorByteCount: sectorByteCount, partitions: partitions, warnings: notes.warnings)
    }
}
