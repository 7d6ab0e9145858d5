// What the formats with one table have to say of its entries.
// SPDX-License-Identifier: Apache-2.0

/// What the entry of a block says.
enum BlockEntry: Equatable {
    /// Never written: the parent's, or zeros.
    case absent
    /// Zeros, whatever a parent has.
    case zeros
    /// The block's place in the file starts at this byte.
    case stored(at: UInt64)
    /// No entry that the format knows; `BlockFormat.reason` says why.
    case invalid
}

/// How a format with one table reads its entries.
protocol BlockFormat: Sendable {
    /// What `entry`, that of block `index`, says. Called for each read, and for each entry when the image is opened.
    func meaning(of entry: UInt64, block index: UInt64) -> BlockEntry

    /// Why `entry` is none that the format knows, for messages.
    func reason(forInvalid entry: UInt64) -> String

    /// What messages call `block`, which starts at byte `start` of what the table maps.
    func subject(ofBlock block: UInt64, from start: UInt64) -> String

    /// After how many entries of blocks one of another kind stands, such as a bitmap's; above 0, nil where none do.
    var blocksPerGroup: UInt64? { get }
}

extension BlockFormat {
    func reason(forInvalid entry: UInt64) -> String {
        "it is 0x\(String(entry, radix: 16)), which means nothing"
    }

    func subject(ofBlock block: UInt64, from start: UInt64) -> String { "the block at guest byte \(start)" }

    var blocksPerGroup: UInt64? { nil }

    /// Where the entry of `block` stands in the table.
    func entryIndex(ofBlock block: UInt64) -> UInt64 {
        blocksPerGroup.map { block + block / $0 } ?? block
    }

    /// The first block after `block` whose entry does not follow on that of the block before.
    func endOfGroup(withBlock block: UInt64) -> UInt64 {
        blocksPerGroup.map { (block / $0 + 1) * $0 } ?? .max
    }
}

/// The lengths of a disk and of its blocks, in bytes.
struct BlockGeometry: Sendable {
    /// Below 2^63.
    let virtualByteCount: UInt64
    /// Guest bytes of a block: above 0, below 2^42.
    let blockByteCount: UInt64
    /// What stands in front of a block's data at its place: a bitmap, or room of the writer's own; below 2^32.
    var leadingByteCount: UInt64 = 0

    /// What a whole block takes in the file.
    var placeByteCount: UInt64 { leadingByteCount + blockByteCount }

    /// How many blocks the disk has.
    var blockCount: UInt64 {
        virtualByteCount / blockByteCount + (virtualByteCount % blockByteCount == 0 ? 0 : 1)
    }

    /// The guest bytes of `block`, which is below `blockCount`.
    func guestRange(of block: UInt64) -> Range<UInt64> {
        let start = block * blockByteCount
        return start..<(start + min(blockByteCount, virtualByteCount - start))
    }

    /// What the guest sees of `block`, with what stands in front of it: what lies behind the guest's end may be missing.
    func neededByteCount(of block: UInt64) -> UInt64 {
        let guest = guestRange(of: block)
        return leadingByteCount + (guest.upperBound - guest.lowerBound)
    }
}
