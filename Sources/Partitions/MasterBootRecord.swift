// The first sector of a disk, where it is a partition table.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A master boot record, or the record in front of a logical partition, which has the same form.
struct MasterBootRecord {
    /// An entry of four.
    struct Entry: Equatable {
        /// 1 to 4.
        let slot: Int
        let type: UInt8
        /// In sectors, from where the record counts.
        let start: UInt32
        /// In sectors.
        let count: UInt32

        /// By its length alone, as in Linux: a type of 0 may have been forgotten.
        var isEmpty: Bool { count == 0 }
        /// Holds logical partitions.
        var isExtended: Bool { [0x05, 0x0f, 0x85].contains(type) && !isEmpty }
        /// Stands for a whole GPT.
        var isProtective: Bool { type == 0xee }
    }

    static let byteCount = 512

    /// In the order of the slots, empty ones included.
    let entries: [Entry]
    /// The disk's signature, of which blkid(8) makes PARTUUIDs.
    let signature: UInt32

    var announcesGPT: Bool { entries.contains(where: \.isProtective) }
    /// Whether there is anything beside a GPT.
    var isHybrid: Bool { entries.contains { !$0.isEmpty && !$0.isProtective } }

    /// Reads the first sector of `disk`; nil where it is no table: the boot sector of a file system ends with the same
    /// two bytes.
    init?(of disk: any ByteSource) throws(ReadError) {
        guard disk.byteCount >= UInt64(Self.byteCount), let record = try Self(at: 0, of: disk),
            record.entries.contains(where: { !$0.isEmpty && $0.type != 0 || $0.isProtective })
        else { return nil }
        self = record
    }

    /// Reads the record at `offset`, where 512 bytes are; nil where its marks are missing.
    init?(at offset: UInt64, of disk: any ByteSource) throws(ReadError) {
        let record = try disk.record("boot record", byteCount: Self.byteCount, at: offset)
        guard try record.littleEndian(UInt16.self, at: 510) == 0xaa55 else { return nil }
        var entries: [Entry] = []
        for slot in 1...4 {
            let start = 430 + 16 * slot
            guard [0x00, 0x80].contains(try record.littleEndian(UInt8.self, at: start)) else { return nil }
            entries.append(
                Entry(
                    slot: slot, type: try record.littleEndian(UInt8.self, at: start + 4),
                    start: try record.littleEndian(UInt32.self, at: start + 8),
                    count: try record.littleEndian(UInt32.self, at: start + 12)))
        }
        self.entries = entries
        signature = try record.littleEndian(UInt32.self, at: 440)
    }

    /// The partitions of the four slots; containers of logical ones are not shown.
    func primaryPartitions(
        of disk: any ByteSource, sectorByteCount: UInt64, _ notes: inout PartitionNotes
    ) -> [Partition] {
        var found: [Partition] = []
        for entry in entries where !entry.isEmpty && !entry.isExtended {
            do throws(Partition.Absence) {
                found.append(
                    try Partition(
                        number: entry.slot, start: UInt64(entry.start), sectorCount: UInt64(entry.count),
                        sectorByteCount: sectorByteCount, diskByteCount: disk.byteCount,
                        type: .mbr(entry.type),
                        identifier: Self.identifier(signature, entry.slot)))
            } catch {
                notes.add(error, ofPartition: entry.slot)
            }
        }
        return found
    }

    /// The PARTUUID that Linux makes of the disk's signature and the number; empty without a signature.
    static func identifier(_ signature: UInt32, _ number: Int) -> String {
        guard signature != 0 else { return "" }
        let suffix = UInt8(exactly: number)?.hexadecimal ?? String(number, radix: 16)
        return "\(signature.hexadecimal)-\(suffix)"
    }
}
