// The items that describe the disk of a VHDX.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The metadata of a VHDX, as far as reading needs it.
/// Spec: [MS-VHDX], 2.6.
struct VHDXMetadata: Sendable {
    /// Guest bytes of a block: a power of two from 1 to 256 MiB.
    let blockByteCount: UInt64
    /// Whether blocks are to stay allocated: a fixed disk.
    let isFixed: Bool
    /// Size of the guest disk, in bytes: whole sectors, at most 64 TiB.
    let virtualByteCount: UInt64
    /// 512 or 4,096 bytes.
    let sectorByteCount: UInt64
    /// Nil for a disk of its own.
    let parent: ParentReference?

    private static let blockByteCounts: ClosedRange<UInt64> = (1 << 20)...(256 << 20)
    private static let mostVirtualByteCount: UInt64 = 64 << 40

    var format: DiskFormat { parent != nil ? .vhdxDifferencing : isFixed ? .vhdxFixed : .vhdxDynamic }

    /// After how many entries of blocks an entry of a bitmap stands: a bitmap has 2^23 bits.
    var blocksPerBitmap: UInt64 { (sectorByteCount << 23) / blockByteCount }

    /// How many blocks the disk has.
    var blockCount: UInt64 { (virtualByteCount + blockByteCount - 1) / blockByteCount }

    /// How many entries the block allocation table has at least. That of a disk with a parent ends with a bitmap's.
    var entryCount: UInt64 {
        guard blockCount > 0 else { return 0 }
        let bitmapCount = (blockCount - 1) / blocksPerBitmap
        return parent == nil ? blockCount + bitmapCount : (bitmapCount + 1) * (blocksPerBitmap + 1)
    }

    /// Reads the items in `region`, which is in the file.
    /// - Throws: `ReadError.corrupt` where an item is missing or breaks a rule, `ReadError.unsupported` for a required one that
    ///   is not known.
    init(_ reader: OpeningReader, in region: Range<UInt64>) throws(ReadError) {
        let items = try VHDXMetadataItems(reader, in: region)
        let parameters = try items.record(.fileParameters, byteCount: 8, reader)
        blockByteCount = UInt64(try parameters.littleEndian(UInt32.self, at: 0))
        guard Self.blockByteCounts.contains(blockByteCount), blockByteCount.nonzeroBitCount == 1 else {
            throw parameters.corrupt(
                at: 0, "a block has \(blockByteCount) bytes, not a power of two from 1 to 256 MiB")
        }
        let flags = try parameters.littleEndian(UInt32.self, at: 4)
        isFixed = flags & 1 != 0
        let sector = try items.record(.logicalSectorSize, byteCount: 4, reader)
        sectorByteCount = UInt64(try sector.littleEndian(UInt32.self, at: 0))
        guard sectorByteCount == 512 || sectorByteCount == 4_096 else {
            throw sector.corrupt(at: 0, "a sector has \(sectorByteCount) bytes, neither 512 nor 4096")
        }
        let size = try items.record(.virtualDiskSize, byteCount: 8, reader)
        virtualByteCount = try size.littleEndian(UInt64.self, at: 0)
        guard virtualByteCount % sectorByteCount == 0, virtualByteCount <= Self.mostVirtualByteCount else {
            throw size.corrupt(
                at: 0, "a disk of \(virtualByteCount) bytes is over 64 TiB, or ends inside a sector")
        }
        // What a disk of its own lacks is zeros, and what one with a parent lacks is not: no checksum covers the flag.
        guard flags & 2 != 0 || !items.hasParentLocator else {
            throw parameters.corrupt(
                at: 4, "the disk is said to have no parent, and there is a parent locator")
        }
        parent = flags & 2 == 0 ? nil : try VHDXParentLocator.reference(in: try items.parentLocator(reader))
    }
}

/// The table of the items: which are there, and where.
struct VHDXMetadataItems {
    /// The items that are known.
    enum Item: String, CaseIterable {
        case fileParameters = "{caa16737-fa36-4d43-b3b6-33f0aa44e76b}"
        case virtualDiskSize = "{2fa54224-cd1b-4876-b211-5dbed83bf4b8}"
        case page83Data = "{beca12ab-b2e6-4523-93ef-c309e000c746}"
        case logicalSectorSize = "{8141bf1d-a96f-4709-ba47-f233a8faab5f}"
        case physicalSectorSize = "{cda348c7-445d-4471-9cc9-e9885251c556}"
        case parentLocator = "{a8d35f2d-b30b-454d-abf7-d3d84834ab0c}"
    }

    /// The table takes this much of the region; items lie behind it.
    private static let tableByteCount = 64 << 10
    private static let mostEntries: UInt16 = 2_047
    /// Far more than names of a parent take.
    private static let mostParentLocatorByteCount: UInt64 = 1 << 20

    private let table: OnDiskRecord
    /// In bytes of the file.
    private var places: [Item: Range<UInt64>] = [:]

    init(_ reader: OpeningReader, in region: Range<UInt64>) throws(ReadError) {
        table = try reader.record("metadata table", byteCount: Self.tableByteCount, at: region.lowerBound)
        guard try table.slice(8, at: 0).elementsEqual("metadata".utf8) else {
            throw table.corrupt(at: 0, "no metadata")
        }
        let count = try table.littleEndian(UInt16.self, at: 10)
        guard count <= Self.mostEntries else {
            throw table.corrupt(at: 10, "it has \(count) entries, more than \(Self.mostEntries)")
        }
        let known = Item.allCases.map { (item: $0, identifier: VHDXIdentifier.stored($0.rawValue)) }
        for index in 0..<Int(count) {
            let start = 32 + 32 * index
            let identifier = Array(try table.slice(16, at: start))
            let flags = try table.littleEndian(UInt32.self, at: start + 24)
            let isOfUser = flags & 1 != 0
            guard !isOfUser, let item = known.first(where: { $0.identifier == identifier })?.item else {
                guard flags & 4 == 0 else {
                    throw .unsupported(
                        feature: "\(table.name) has a required item that is not known, entry \(index)")
                }
                continue
            }
            guard places[item] == nil else {
                throw table.corrupt(at: start, "the item \(item) is there twice")
            }
            places[item] = try Self.place(ofEntryAt: start, in: table, of: region)
        }
    }

    private static func place(
        ofEntryAt start: Int, in table: OnDiskRecord, of region: Range<UInt64>
    ) throws(ReadError) -> Range<UInt64> {
        // Numbers of 32 bits: no overflow.
        let offset = UInt64(try table.littleEndian(UInt32.self, at: start + 16))
        let byteCount = UInt64(try table.littleEndian(UInt32.self, at: start + 20))
        guard offset >= UInt64(tableByteCount), offset + byteCount <= region.upperBound - region.lowerBound
        else {
            throw table.corrupt(
                at: start + 16,
                "an item of \(byteCount) bytes at byte \(offset) of the region is not inside it, or in the table"
            )
        }
        return (region.lowerBound + offset)..<(region.lowerBound + offset + byteCount)
    }

    /// The first `byteCount` bytes of `item`.
    /// - Throws: `ReadError.corrupt` where it is missing, or shorter.
    func record(_ item: Item, byteCount: Int, _ reader: OpeningReader) throws(ReadError) -> OnDiskRecord {
        guard let place = places[item] else { throw table.corrupt(at: 32, "there is no item \(item)") }
        guard place.upperBound - place.lowerBound >= UInt64(byteCount) else {
            throw table.corrupt(
                at: 32,
                "the item \(item) has \(place.upperBound - place.lowerBound) bytes, fewer than \(byteCount)")
        }
        return try reader.record("\(item)", byteCount: byteCount, at: place.lowerBound)
    }

    var hasParentLocator: Bool { places[.parentLocator] != nil }

    func parentLocator(_ reader: OpeningReader) throws(ReadError) -> OnDiskRecord {
        let byteCount = places[.parentLocator].map { $0.upperBound - $0.lowerBound } ?? 0
        guard byteCount <= Self.mostParentLocatorByteCount else {
            throw table.corrupt(at: 32, "the item \(Item.parentLocator) has \(byteCount) bytes")
        }
        return try record(.parentLocator, byteCount: max(20, Int(byteCount)), reader)
    }
}
