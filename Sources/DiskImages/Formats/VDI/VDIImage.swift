// A VirtualBox disk.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension DiskFormat {
    package static let vdi = DiskFormat("vdi")
    package static let vdiFixed = DiskFormat("vdi-fixed")
    package static let vdiUndo = DiskFormat("vdi-undo")
    package static let vdiDifferencing = DiskFormat("vdi-differencing")
}

extension VDIHeader.Kind {
    fileprivate var format: DiskFormat {
        switch self {
        case .normal: .vdi
        case .fixed: .vdiFixed
        case .undo: .vdiUndo
        case .differencing: .vdiDifferencing
        }
    }
}

/// The map of a VDI file: one table of block numbers.
/// Spec: VirtualBox, VDICore.h.
struct VDIImage: BlockMappedImage {
    let format: DiskFormat
    let warnings: [String]
    let parent: ParentReference?
    let identity: ImageIdentity?
    let map: BlockMap<VDIBlocks>

    /// - Throws: `ReadError` where the header or the map is damaged.
    init(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) {
        let header = try VDIHeader(by: reader)
        format = header.kind.format
        let identifiers = header.identifiers
        identity = .vdi(creation: identifiers.creation, modification: identifiers.modification)
        // The header has no name of the parent.
        parent =
            header.kind.hasParent
            ? ParentReference(
                names: [],
                identities: [
                    .vdi(
                        creation: identifiers.parentCreation, modification: identifiers.parentModification)
                ])
            : nil
        let geometry = BlockGeometry(
            virtualByteCount: header.diskByteCount, blockByteCount: header.blockByteCount,
            leadingByteCount: header.blockExtraByteCount)
        let table = try EntryTable(
            named: "block map", at: header.mapOffset, entryCount: geometry.blockCount,
            encoding: .littleEndian32,
            by: reader, pages: tables, budget: options.budget)
        map = try BlockMap(
            VDIBlocks(dataOffset: header.dataOffset, placeByteCount: geometry.placeByteCount), table: table,
            geometry: geometry,
            rules: PlaceRules(fileByteCount: reader.byteCount, dataStart: header.dataOffset), of: reader,
            budget: options.budget)
        // Numbers of 32 bits, and one of 29 bits: no overflow.
        let end = header.dataOffset + header.allocatedBlockCount * geometry.placeByteCount
        warnings =
            map.allocationIsEstimate
            ? MissingEnd.warnings(of: reader.byteCount, namedTo: end, by: "header") : map.warnings
    }
}

/// What an entry of the map says: the number of the block's place.
struct VDIBlocks: BlockFormat {
    /// Never written.
    private static let free: UInt64 = 0xffff_ffff
    /// Given back by the guest: zeros, over a parent too.
    private static let discarded: UInt64 = 0xffff_fffe

    /// Where place number 0 starts, in bytes; a number of 32 bits.
    let dataOffset: UInt64
    /// At most 2^29.
    let placeByteCount: UInt64

    func meaning(of entry: UInt64, block index: UInt64) -> BlockEntry {
        switch entry {
        case Self.free: .absent
        case Self.discarded: .zeros
        // A number of 32 bits times one of up to 2^29: no overflow.
        default: .stored(at: dataOffset + entry * placeByteCount)
        }
    }
}

/// How a VDI file is recognised.
enum VDIFormat: DiskImageFormat {
    static let name = "VDI"

    static func recognises(_ head: ArraySlice<UInt8>, of source: any ByteSource) -> Bool {
        head.dropFirst(VDIHeader.magicOffset).starts(with: VDIHeader.magic)
    }

    static func identity(_ head: ArraySlice<UInt8>) -> ImageIdentity? {
        guard head.dropFirst(VDIHeader.magicOffset).starts(with: VDIHeader.magic),
            let identifiers = try? VDIHeader.Identifiers(
                parsing: OnDiskRecord(Array(head), named: "VDI header"))
        else { return nil }
        return .vdi(creation: identifiers.creation, modification: identifiers.modification)
    }

    static func header(_ reader: OpeningReader) throws(ReadError) -> ImageHeader? {
        let header = try VDIHeader(by: reader)
        return ImageHeader(header.kind.format, virtualByteCount: header.diskByteCount)
    }

    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        try VDIImage(reader, tables: tables, options: options)
    }
}
