// The chain of records in an extended partition of an MBR.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Follows the records of extended partitions, each of which describes a logical partition and leads to the next.
struct LogicalPartitions {
    private let disk: any ByteSource
    private let sectorByteCount: UInt64
    private let signature: UInt32
    private(set) var partitions: [Partition] = []
    private(set) var notes: PartitionNotes
    /// Logical partitions are numbered from 5, whatever the slots hold.
    private var nextNumber = 5
    private var recordCount = 0

    /// Most records that are followed on one disk.
    static let maximumRecordCount = 1_000

    /// A stretch of sectors.
    private struct Container {
        let start: UInt64
        let count: UInt64

        // Both are of 32 bits.
        var end: UInt64 { start + count }
    }

    /// `notes` is what was noticed before, to which the rest is added.
    init(of disk: any ByteSource, sectorByteCount: UInt64, signature: UInt32, notes: PartitionNotes) {
        self.disk = disk
        self.sectorByteCount = sectorByteCount
        self.signature = signature
        self.notes = notes
    }

    /// Adds the logical partitions in the container that `entry` describes. The chain ends at a link outside of disk or
    /// container, at a record without its mark or that cannot be read, and at one that was seen before.
    /// - Throws: only what is about this reader, and not about the disk.
    mutating func read(in entry: MasterBootRecord.Entry) throws(ReadError) {
        let container = Container(start: UInt64(entry.start), count: UInt64(entry.count))
        var seen: Set<UInt64> = []
        var here = container
        while true {
            guard seen.insert(here.start).inserted else {
                return notes.add(
                    .damaged, "the chain of logical partitions comes back to sector \(here.start)")
            }
            guard recordCount < Self.maximumRecordCount else {
                return notes.add(
                    .damaged,
                    "there are more than \(Self.maximumRecordCount) logical partitions; the rest is not shown"
                )
            }
            recordCount += 1
            guard let record = try self.record(atSector: here.start) else { return }
            addPartitions(of: record, in: here, of: container)
            guard let link = record.entries.first(where: \.isExtended) else { return }
            let next = Container(start: container.start + UInt64(link.start), count: UInt64(link.count))
            guard next.start < container.end else {
                return notes.add(
                    .damaged,
                    "the chain of logical partitions leads out of its container, to sector \(next.start)")
            }
            here = next
        }
    }

    /// The record in `sector`; nil where there is none, which is noted.
    private mutating func record(atSector sector: UInt64) throws(ReadError) -> MasterBootRecord? {
        // A sector's number has 33 bits at most.
        let offset = sector * sectorByteCount
        do throws(ReadError) {
            if offset < disk.byteCount, disk.byteCount - offset >= UInt64(MasterBootRecord.byteCount),
                let record = try MasterBootRecord(at: offset, of: disk)
            {
                return record
            }
            notes.add(.damaged, "the chain of logical partitions ends at sector \(sector), without a record")
        } catch {
            if error.isAboutTheReader { throw error }
            notes.add(.damaged, "the chain of logical partitions ends at sector \(sector): \(error)")
        }
        return nil
    }

    /// A partition counts from its own record; an empty one has no number. The last two entries are often garbage, and
    /// count where they make sense, as in Linux.
    private mutating func addPartitions(
        of record: MasterBootRecord, in here: Container, of container: Container
    ) {
        for entry in record.entries where !entry.isEmpty && !entry.isExtended {
            let start = here.start + UInt64(entry.start)
            let count = UInt64(entry.count)
            if entry.slot > 2 {
                guard UInt64(entry.start) + count <= here.count, start + count <= container.end else {
                    continue
                }
            }
            let number = nextNumber
            nextNumber += 1
            do throws(Partition.Absence) {
                partitions.append(
                    try Partition(
                        number: number, start: start, sectorCount: count, sectorByteCount: sectorByteCount,
                        diskByteCount: disk.byteCount, type: .mbr(entry.type),
                        identifier: MasterBootRecord.identifier(signature, number)))
            } catch {
                notes.add(error, ofPartition: number)
            }
        }
    }
}
