// A VHDX disk: fixed, dynamic or differencing.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The map of a VHDX: a table of blocks, with a bitmap for many of them.
/// Spec: [MS-VHDX], 2.5.
struct VHDXImage: DiskImage {
    let format: DiskFormat
    let virtualByteCount: UInt64
    let clusterByteCount = 0
    let warnings: [String]
    let parent: ParentReference?
    let identity: ImageIdentity?
    let sectorByteCount: Int?

    /// Where bitmaps are among the cached tables: behind the pages of the table of blocks.
    private static let firstBitmap: UInt64 = 1 << 32

    private let map: BlockMap<VHDXBlocks>
    /// Nil for a disk without a parent.
    private let bitmaps: VHDXBitmaps?
    /// Nil where the file is as it should be.
    private let log: ReplayedLog?
    private let file: any ByteSource
    private let tables: TableCache
    private let allocation: BlockAllocation
    /// Nil where the disk is not fixed.
    private let fileAllocation: RawAllocation?

    /// The image that `reader` reads, whose log is replayed already.
    /// - Throws: `ReadError` where what describes the disk is damaged, or is not read.
    init(
        _ header: VHDXHeader, log: ReplayedLog?, _ reader: OpeningReader, tables: TableCache,
        options: DiskImageOpener.Options, warnings: [String]
    ) throws(ReadError) {
        var warnings = warnings
        let regions = try VHDXRegions(reader, header, &warnings)
        let metadata = try VHDXMetadata(reader, in: regions.metadata)
        let tableByteCount = regions.table.upperBound - regions.table.lowerBound
        guard metadata.entryCount <= tableByteCount / 8 else {
            throw .corrupt(
                record: "block allocation table of \(reader.imageName)", offset: regions.table.lowerBound,
                reason:
                    "\(tableByteCount) bytes, and the disk needs \(metadata.entryCount) entries of 8 bytes")
        }
        var records = [
            (name: "the block allocation table", range: regions.table), ("the metadata", regions.metadata),
        ]
        if let range = header.logRange { records.append(("the log", range)) }
        let rules = PlaceRules(fileByteCount: reader.byteCount, dataStart: VHDXRegions.unit, records: records)
        let table = try EntryTable(
            named: "block allocation table", at: regions.table.lowerBound, entryCount: metadata.entryCount,
            encoding: .littleEndian64, by: reader, pages: tables, budget: options.budget)
        map = try BlockMap(
            VHDXBlocks(isDifferencing: metadata.parent != nil, blocksPerGroup: metadata.blocksPerBitmap),
            table: table,
            geometry: BlockGeometry(
                virtualByteCount: metadata.virtualByteCount, blockByteCount: metadata.blockByteCount),
            rules: rules, of: reader, budget: options.budget)
        bitmaps = metadata.parent == nil ? nil : try VHDXBitmaps(of: map, rules, budget: options.budget)
        allocation = BlockAllocation(map.allocatedByteCount, isEstimate: map.allocationIsEstimate)
        format = metadata.format
        virtualByteCount = metadata.virtualByteCount
        parent = metadata.parent
        identity = .vhdx(header.dataWriteIdentifier)
        sectorByteCount = Int(metadata.sectorByteCount)
        file = reader.source
        fileAllocation = format == .vhdxFixed ? RawAllocation(of: reader.source) : nil
        self.warnings = warnings + map.warnings
        self.log = log
        self.tables = tables
    }

    var allocatedByteCount: UInt64 {
        if let fileAllocation { return min(map.allocatedByteCount, fileAllocation.result.byteCount) }
        return bitmaps == nil ? map.allocatedByteCount : allocation.result(of: self).byteCount
    }

    /// The holes of a fixed disk's file are not told from those that are no part of the disk.
    var allocationIsEstimate: Bool {
        if let fileAllocation {
            return map.allocationIsEstimate || fileAllocation.result.byteCount < map.allocatedByteCount
        }
        return bitmaps == nil ? map.allocationIsEstimate : allocation.result(of: self).isEstimate
    }

    func countAllocatedBytes() throws(ReadError) -> UInt64 {
        if let fileAllocation { return min(map.allocatedByteCount, try fileAllocation.count().byteCount) }
        return bitmaps == nil ? map.allocatedByteCount : try allocation.count(of: self).byteCount
    }

    func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        var extent = try map.extent(containing: offset)
        if let bitmaps { extent = try present(extent, containing: offset, bitmaps) }
        guard let log, case .stored(let start) = extent.storage else { return extent }
        // The part of it that is stored in one place, once the log is replayed.
        let piece = log.piece(containing: start + (offset - extent.guestOffset))
        let first = max(piece.range.lowerBound, start)
        let end = min(piece.range.upperBound, start + extent.byteCount)
        return Extent(
            guestOffset: extent.guestOffset + (first - start), byteCount: end - first,
            storage: piece.storedOffset.map { .stored(at: $0 + (first - piece.range.lowerBound)) } ?? .zeros)
    }

    /// The part of `extent` around `offset` whose sectors are all there, or all the parent's.
    private func present(
        _ extent: Extent, containing offset: UInt64, _ bitmaps: VHDXBitmaps
    ) throws(ReadError) -> Extent {
        guard case .stored(let start) = extent.storage else { return extent }
        let block = offset / blockByteCount
        guard !bitmaps.isOnBlock(at: start) else {
            return map.damaged(block, "a bitmap lies on some of the same bytes", at: start)
        }
        guard let entry = try map.entry(ofBlock: block), map.format.isPartial(entry) else { return extent }
        switch try bitmaps.offset(forBlock: block, byteCount: bitmapByteCount) {
        case .failure(let problem): return map.damaged(block, problem.reason, at: problem.start)
        case .success(let place):
            return try withBitmap(of: block, at: place) { bitmap in
                let sector = UInt64(sectorByteCount ?? 512)
                let run = bitmap.runOfBits(
                    around: Int((offset - extent.guestOffset) / sector), within: sectors(of: extent),
                    .lowestFirst)
                let skipped = UInt64(run.range.lowerBound) * sector
                let end = min(UInt64(run.range.upperBound) * sector, extent.byteCount)
                return Extent(
                    guestOffset: extent.guestOffset + skipped, byteCount: end - skipped,
                    storage: run.isSet ? .stored(at: start + skipped) : .absent)
            }
        }
    }

    /// What the bits of a block take: 32 bytes to 64 KiB.
    private var bitmapByteCount: UInt64 { blockByteCount / UInt64(sectorByteCount ?? 512) / 8 }

    private func withBitmap<Result>(
        of block: UInt64, at offset: UInt64, _ body: (RawSpan) -> Result
    ) throws(ReadError) -> Result {
        try tables.withTable(
            Self.firstBitmap + block, byteCount: Int(bitmapByteCount), at: offset, body: body)
    }

    /// The bits of a block's bitmap that stand for `extent`, which starts with the block.
    private func sectors(of extent: Extent) -> Range<Int> {
        let sector = UInt64(sectorByteCount ?? 512)
        return 0..<Int(extent.byteCount / sector + (extent.byteCount % sector == 0 ? 0 : 1))
    }

    /// Where the log is replayed, the map may be anywhere; so it may where bitmaps have a part of it.
    func validateMap(of range: Range<UInt64>, in file: any ByteSource) throws(ReadError) {
        guard log == nil, bitmaps == nil else { return try file.validate() }
        try map.validate(range, in: file)
    }

    /// In a fixed disk, the holes of the file are the disk's, too.
    func searchStep(for region: Region, in range: Range<UInt64>) throws(ReadError) -> RegionSearch {
        var position = range.lowerBound
        for _ in 0..<RegionSearch.extentsPerStep {
            guard position < range.upperBound else { return .absent }
            let extent = try extent(containing: position)
            let end = min(extent.guestEnd, range.upperBound)
            if format == .vhdxFixed, case .stored(let start) = extent.storage {
                let first = start + (position - extent.guestOffset)
                if let found = try file.firstOffset(of: region, in: first..<(first + (end - position))) {
                    return .found(at: position + (found - first))
                }
            } else if extent.isHole == (region == .hole) {
                return .found(at: position)
            }
            position = extent.guestEnd
        }
        return position < range.upperBound ? .unfinished(at: position) : .absent
    }
}

extension VHDXImage: BlockwiseImage {
    var blockByteCount: UInt64 { map.geometry.blockByteCount }
    var allocationUnitByteCount: UInt64? { blockByteCount }

    func wholeExtent(containing offset: UInt64) throws(ReadError) -> Extent {
        try map.extent(containing: offset)
    }

    func storedByteCount(in extent: Extent, at start: UInt64) throws(ReadError) -> UInt64 {
        let block = extent.guestOffset / blockByteCount
        guard let bitmaps, let entry = try map.entry(ofBlock: block), map.format.isPartial(entry),
            case .success(let place) = try bitmaps.offset(forBlock: block, byteCount: bitmapByteCount)
        else { return extent.byteCount }
        return try withBitmap(of: block, at: place) { bitmap in
            let count = bitmap.countOfSetBits(within: sectors(of: extent), .lowestFirst)
            return min(UInt64(count) * UInt64(sectorByteCount ?? 512), extent.byteCount)
        }
    }
}
