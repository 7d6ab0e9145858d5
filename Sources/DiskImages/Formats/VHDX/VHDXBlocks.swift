// What the entries of a VHDX's block allocation table say.
// SPDX-License-Identifier: Apache-2.0

/// The entries of blocks.
/// Spec: [MS-VHDX], 2.5.1.
struct VHDXBlocks: BlockFormat {
    let isDifferencing: Bool
    let blocksPerGroup: UInt64?

    private static let reservedBits: UInt64 = 0xf_fff8
    /// Offsets are stored in MiB, above the other bits, so that they need no shift.
    private static let offsetBits: UInt64 = ~0xf_ffff

    /// The states of an entry of a block; 4 and 5 are none.
    enum State: UInt64 {
        case notPresent = 0
        case undefined = 1
        case zero = 2
        case unmapped = 3
        case fullyPresent = 6
        case partiallyPresent = 7
    }

    func meaning(of entry: UInt64, block index: UInt64) -> BlockEntry {
        guard entry & Self.reservedBits == 0 else { return .invalid }
        switch State(rawValue: entry & 7) {
        case .notPresent: return .absent
        case .undefined, .zero, .unmapped: return .zeros
        case .partiallyPresent where !isDifferencing: return .invalid
        case .fullyPresent, .partiallyPresent:
            let start = entry & Self.offsetBits
            return start == 0 ? .invalid : .stored(at: start)
        case nil: return .invalid
        }
    }

    func reason(forInvalid entry: UInt64) -> String {
        if entry & Self.reservedBits != 0 {
            return "it is 0x\(String(entry, radix: 16)), with reserved bits set"
        }
        if entry & 7 == State.partiallyPresent.rawValue, !isDifferencing {
            return "it says that a part of the block is the parent's, and there is no parent"
        }
        return entry & 7 >= State.fullyPresent.rawValue
            ? "it says that the block is there, and not where"
            : "it has the state \(entry & 7), which is none"
    }

    /// Whether a bitmap says which sectors of the block are there.
    func isPartial(_ entry: UInt64) -> Bool { entry & 7 == State.partiallyPresent.rawValue }

    /// Where the bitmap is whose entry this is, in bytes of the file; nil where it is not there.
    func bitmapOffset(of entry: UInt64) -> UInt64? {
        guard entry & Self.reservedBits == 0, entry & 7 == State.fullyPresent.rawValue else { return nil }
        let start = entry & Self.offsetBits
        return start == 0 ? nil : start
    }

    /// Where the entry of the bitmap for `block` and those around it is in the table.
    func bitmapIndex(forBlock block: UInt64) -> UInt64 {
        guard let blocksPerGroup else { return .max }
        return block / blocksPerGroup * (blocksPerGroup + 1) + blocksPerGroup
    }
}
