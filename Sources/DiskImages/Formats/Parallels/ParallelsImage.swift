// A Parallels disk.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension DiskFormat {
    package static let parallels = DiskFormat("parallels")
}

/// The map of an expandable Parallels image: one table of places, behind the header.
/// Spec: QEMU, docs/interop/parallels.txt.
struct ParallelsImage: BlockMappedImage {
    let format = DiskFormat.parallels
    let warnings: [String]
    let map: BlockMap<ParallelsBlocks>

    /// - Throws: `ReadError` where the header or the table is damaged.
    init(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) {
        let header = try ParallelsHeader(by: reader)
        let inUse = header.isInUse ? ["the image was not closed by its last writer (in use)"] : []
        let geometry = BlockGeometry(
            virtualByteCount: header.virtualByteCount, blockByteCount: header.blockByteCount)
        let table = try EntryTable(
            named: "block allocation table", at: UInt64(ParallelsHeader.byteCount),
            entryCount: geometry.blockCount, encoding: .littleEndian32, by: reader, pages: tables,
            budget: options.budget)
        var records: [(name: String, range: Range<UInt64>)] = []
        if header.extensionOffset > 0 {
            // Numbers of 63 and of 41 bits: no overflow.
            let end = header.extensionOffset + header.blockByteCount
            records.append(("the extension of the header", header.extensionOffset..<end))
        }
        map = try BlockMap(
            ParallelsBlocks(header), table: table, geometry: geometry,
            rules: PlaceRules(
                fileByteCount: reader.byteCount, dataStart: max(header.dataOffset, header.tableEnd),
                records: records),
            of: reader, budget: options.budget)
        warnings = inUse + map.warnings
    }
}

/// What an entry of the table says.
struct ParallelsBlocks: BlockFormat {
    private let unitByteCount: UInt64

    init(_ header: ParallelsHeader) {
        unitByteCount = header.unit == .sectors ? 512 : header.blockByteCount
    }

    func meaning(of entry: UInt64, block index: UInt64) -> BlockEntry {
        guard entry > 0 else { return .absent }
        // A number of 32 bits times one of 41.
        let (start, overflow) = entry.multipliedReportingOverflow(by: unitByteCount)
        return overflow ? .invalid : .stored(at: start)
    }

    func reason(forInvalid entry: UInt64) -> String {
        "it names place \(entry), which no file can have"
    }
}

/// How a Parallels disk is recognised.
enum ParallelsFormat: DiskImageFormat {
    static let name = "Parallels"

    static func recognises(_ head: ArraySlice<UInt8>, of source: any ByteSource) -> Bool {
        ParallelsHeader.isMarked(head)
    }

    static func header(_ reader: OpeningReader) throws(ReadError) -> ImageHeader? {
        ImageHeader(.parallels, virtualByteCount: try ParallelsHeader(by: reader).virtualByteCount)
    }

    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        try ParallelsImage(reader, tables: tables, options: options)
    }
}
