// A VHD disk that grows: dynamic or differencing.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The map of a dynamic VHD: a table of blocks, in front of each of which a bitmap says which sectors were written.
/// Spec: Microsoft, Virtual Hard Disk Image Format Specification 1.0, "Block Allocation Table and Data Blocks".
struct VHDImage: DiskImage {
    let format: DiskFormat
    let virtualByteCount: UInt64
    let clusterByteCount = 0
    let warnings: [String]
    let parent: ParentReference?
    let identity: ImageIdentity?

    /// Where bitmaps are among the cached tables: behind the pages of the table of blocks.
    private static let firstBitmap: UInt64 = 1 << 32
    private static let sectorByteCount: UInt64 = 512

    private let map: BlockMap<VHDBlocks>
    private let bitmapByteCount: UInt64
    private let tables: TableCache
    private let allocation: BlockAllocation

    /// - Throws: `ReadError` where the dynamic header is wrong, its table cannot lead to the whole disk, or nothing names
    ///   the parent.
    init(
        _ footer: VHDFooter, _ footers: VHDFooters, _ reader: OpeningReader, tables: TableCache,
        options: DiskImageOpener.Options
    ) throws(ReadError) {
        let header = try VHDDynamicHeader(
            parsing: try reader.record(
                "dynamic VHD header", byteCount: VHDDynamicHeader.byteCount, at: footer.dataOffset))
        let isDifferencing = footer.kind == .differencing
        format = isDifferencing ? .vhdDifferencing : .vhdDynamic
        parent = isDifferencing ? try VHDParent.reference(in: header, reader) : nil
        identity = .vhd(footer.identifier)
        virtualByteCount = footer.virtualByteCount
        bitmapByteCount = header.bitmapByteCount
        self.tables = tables
        let geometry = BlockGeometry(
            virtualByteCount: footer.virtualByteCount, blockByteCount: header.blockByteCount,
            leadingByteCount: header.bitmapByteCount)
        guard geometry.blockCount <= header.entryCount else {
            throw .corrupt(
                record: "dynamic VHD header of \(reader.imageName)", offset: footer.dataOffset,
                reason: "a table of \(header.entryCount) entries cannot lead to \(geometry.blockCount) blocks"
            )
        }
        let table = try EntryTable(
            named: "block allocation table", at: header.tableOffset, entryCount: geometry.blockCount,
            encoding: .bigEndian32, by: reader,
            besides: [
                ("the copy of the footer", 0..<UInt64(VHDFooter.byteCount)),
                (
                    "the dynamic header",
                    footer.dataOffset..<(footer.dataOffset + UInt64(VHDDynamicHeader.byteCount))
                ),
                ("the footer", min(footers.dataEnd, reader.byteCount)..<reader.byteCount),
            ], pages: tables, budget: options.budget)
        map = try BlockMap(
            VHDBlocks(), table: table, geometry: geometry,
            rules: Self.rules(footer, footers, header, isDifferencing: isDifferencing), of: reader,
            budget: options.budget)
        warnings = footers.warnings + footer.warnings + map.warnings
        allocation = BlockAllocation(map.allocatedByteCount, isEstimate: map.allocationIsEstimate)
    }

    /// Where blocks can be.
    private static func rules(
        _ footer: VHDFooter, _ footers: VHDFooters, _ header: VHDDynamicHeader, isDifferencing: Bool
    ) -> PlaceRules {
        // The header was read there: no overflow.
        let headerEnd = footer.dataOffset + UInt64(VHDDynamicHeader.byteCount)
        var records = [
            (name: "the dynamic header", range: footer.dataOffset..<headerEnd),
            (name: "the block allocation table", range: header.tableRange),
        ]
        for locator in header.locators where isDifferencing && locator.byteCount > 0 {
            let (end, overflow) = locator.offset.addingReportingOverflow(locator.byteCount)
            if !overflow { records.append((name: "a name of the parent", range: locator.offset..<end)) }
        }
        // What lies behind the footer at the end is no one's.
        return PlaceRules(
            fileByteCount: footers.dataEnd, dataStart: UInt64(VHDFooter.byteCount), records: records)
    }

    var allocatedByteCount: UInt64 { allocation.result(of: self).byteCount }
    var allocationIsEstimate: Bool { allocation.result(of: self).isEstimate }

    func countAllocatedBytes() throws(ReadError) -> UInt64 { try allocation.count(of: self).byteCount }

    func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        let extent = try map.extent(containing: offset)
        guard case .stored(let start) = extent.storage else { return extent }
        return try withBitmap(ofBlockAt: extent.guestOffset, storedAt: start) { bitmap in
            let run = bitmap.runOfBits(
                around: Int((offset - extent.guestOffset) / Self.sectorByteCount), within: extent.sectors,
                .highestFirst)
            let skipped = UInt64(run.range.lowerBound) * Self.sectorByteCount
            let end = min(UInt64(run.range.upperBound) * Self.sectorByteCount, extent.byteCount)
            return Extent(
                guestOffset: extent.guestOffset + skipped, byteCount: end - skipped,
                storage: run.isSet ? .stored(at: start + skipped) : .absent)
        }
    }

    private func withBitmap<Result>(
        ofBlockAt guestOffset: UInt64, storedAt start: UInt64, _ body: (RawSpan) -> Result
    ) throws(ReadError) -> Result {
        try tables.withTable(
            Self.firstBitmap + guestOffset / map.geometry.blockByteCount, byteCount: Int(bitmapByteCount),
            at: start - bitmapByteCount, body: body)
    }
}

extension VHDImage: BlockwiseImage {
    var blockByteCount: UInt64 { map.geometry.blockByteCount }
    var allocationUnitByteCount: UInt64? { blockByteCount }

    func wholeExtent(containing offset: UInt64) throws(ReadError) -> Extent {
        try map.extent(containing: offset)
    }

    func storedByteCount(in extent: Extent, at start: UInt64) throws(ReadError) -> UInt64 {
        try withBitmap(ofBlockAt: extent.guestOffset, storedAt: start) { bitmap in
            let count = bitmap.countOfSetBits(within: extent.sectors, .highestFirst)
            return min(UInt64(count) * Self.sectorByteCount, extent.byteCount)
        }
    }
}

extension Extent {
    /// The bits of a block's bitmap that stand for this part of it, which starts with the block.
    fileprivate var sectors: Range<Int> { 0..<Int(byteCount / 512 + (byteCount % 512 == 0 ? 0 : 1)) }
}

/// What an entry of the block allocation table says: the sector of the block's bitmap.
struct VHDBlocks: BlockFormat {
    func meaning(of entry: UInt64, block index: UInt64) -> BlockEntry {
        entry == 0xffff_ffff ? .absent : .stored(at: entry * 512)
    }
}
