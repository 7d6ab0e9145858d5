// The grain directory of a seSparse extent.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// What an entry of the directory says: the number of a table. The directory is a map of the tables, one after the other,
/// to where they are in the file.
struct SESparseDirectory: BlockFormat {
    private static let kindMask: UInt64 = 0xf000_0000_0000_0000
    private static let table: UInt64 = 0x1000_0000_0000_0000
    /// Tables that a file has room for.
    private static let mostTables: UInt64 = 1 << 47

    /// Where table 0 starts, in bytes of the file; below 2^62.
    let tablesOffset: UInt64

    func meaning(of entry: UInt64, block index: UInt64) -> BlockEntry {
        guard entry != 0 else { return .absent }
        let number = entry & ~Self.kindMask
        guard entry & Self.kindMask == Self.table, number < Self.mostTables else { return .invalid }
        return .stored(at: tablesOffset + number * SESparseHeader.tableByteCount)
    }

    func subject(ofBlock block: UInt64, from start: UInt64) -> String {
        // A table is 8 bytes for each grain.
        "grain table \(block), of the guest data from byte \(start / 8 * SESparseHeader.grainByteCount) on"
    }
}

/// What an entry of a grain table says.
enum SESparseEntry: Equatable {
    case absent
    case zeros
    /// The number of a grain.
    case grain(UInt64)
    case invalid

    init(_ entry: UInt64) {
        switch entry >> 60 {
        case 0: self = entry == 0 ? .absent : .invalid
        // Given back by the guest, and zeroed.
        case 1, 2: self = .zeros
        // The lowest 12 bits are stored on top.
        case 3: self = .grain((entry & 0x0fff_0000_0000_0000) >> 48 | (entry & 0x0000_ffff_ffff_ffff) << 12)
        default: self = .invalid
        }
    }
}
