// One partition of a disk: its number, its bytes, and what the table says of it.
// SPDX-License-Identifier: Apache-2.0

/// A partition as Linux numbers it.
package struct Partition: Sendable, Equatable {
    /// MBR: slot 1 to 4, logical ones from 5 in the chain's order. GPT: the entry's index plus 1.
    package let number: Int
    /// Where it starts on the disk, in bytes.
    package let offset: UInt64
    /// Length, in bytes, as far as the disk goes; above 0.
    package let byteCount: UInt64
    /// The length that the table says, in bytes; larger than `byteCount` where it reaches past the disk's end.
    package let declaredByteCount: UInt64
    package let type: PartitionType
    /// The GPT's name; empty where it has none.
    package let name: String
    /// As blkid(8) shows it as PARTUUID; empty where the table has none.
    package let identifier: String

    package var isCutShort: Bool { byteCount < declaredByteCount }
    /// The first byte behind it.
    package var end: UInt64 { offset + byteCount }
}

extension Partition {
    /// A partition of `sectorCount` sectors from sector `start` of a disk of `diskByteCount` bytes, cut to the disk.
    /// - Throws: `Absence` where none of it is on the disk.
    init(
        number: Int, start: UInt64, sectorCount: UInt64, sectorByteCount: UInt64, diskByteCount: UInt64,
        type: PartitionType, name: String = "", identifier: String
    ) throws(Absence) {
        guard sectorCount > 0 else { throw .empty }
        let (offset, startOverflow) = start.multipliedReportingOverflow(by: sectorByteCount)
        guard !startOverflow, offset < diskByteCount else { throw .behindTheEnd }
        let (declared, overflow) = sectorCount.multipliedReportingOverflow(by: sectorByteCount)
        self.number = number
        self.offset = offset
        declaredByteCount = overflow ? .max : declared
        byteCount = min(declaredByteCount, diskByteCount - offset)
        self.type = type
        self.name = name
        self.identifier = identifier
    }

    /// Why there is nothing to show of a partition.
    enum Absence: Error {
        case empty
        case behindTheEnd
    }
}

/// What a partition is for, by its table.
package enum PartitionType: Sendable, Equatable, CustomStringConvertible {
    case mbr(UInt8)
    case gpt(PartitionIdentifier)

    /// `83`, or a GUID in small letters: as blkid(8) shows it behind `0x`.
    package var description: String {
        switch self {
        case .mbr(let type): type.hexadecimal
        case .gpt(let identifier): identifier.description
        }
    }
}
