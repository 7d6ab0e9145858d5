// A VMDK disk in one file: streamOptimized or monolithicSparse.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// The map of a hosted sparse extent: a directory, held in memory, leads to grain tables, read when needed,
/// whose entries lead to grains.
///
/// Spec: VMware Virtual Disk Format 5.0, "Hosted Sparse Extents".
package struct VMDKSparseExtent: DiskImage {
    package let format: DiskFormat
    package let virtualByteCount: UInt64
    package let clusterByteCount: Int
    package let warnings: [String]
    package let adapterType: String?

    /// What errors call the image.
    let imageName: String
    let fileByteCount: UInt64
    let directory: GrainDirectory
    let layout: Layout
    private let tables: TableCache
    private let allocation: GrainAllocation

    /// What look-ups calculate with, from the header.
    struct Layout {
        enum Storage {
            case plain
            case compressedWithMarkers
            case compressed
        }

        let storage: Storage
        /// In bytes, a power of two: 512 to 8 MiB.
        let grainByteCount: UInt64
        /// Guest offset to grain number: the logarithm of `grainByteCount`.
        let grainShift: UInt64
        /// Grain number to table number: the logarithm of the entries of a table.
        let tableShift: UInt64
        let grainCount: UInt64
        /// The first byte of the file that a plain grain may start at.
        let dataStart: UInt64
        /// The first byte of the file that a grain table may start at.
        let metadataEnd: UInt64
        /// The most that a compressed grain takes: marker and twice the grain, in whole sectors.
        let maximumStoredByteCount: UInt64
    }

    init(
        header: SparseExtentHeader, directory: GrainDirectory, descriptor: VMDKDescriptor?,
        warnings: [String],
        reader: OpeningReader, tables: TableCache
    ) {
        format = header.isCompressed ? .vmdkStreamOptimized : .vmdkMonolithicSparse
        virtualByteCount = header.virtualByteCount
        clusterByteCount = header.isCompressed ? header.grainByteCount : 0
        adapterType = descriptor?.adapterType
        imageName = reader.imageName
        fileByteCount = reader.byteCount
        layout = Layout(header, fileByteCount: reader.byteCount)
        self.warnings = warnings
        self.directory = directory
        self.tables = tables
        allocation = GrainAllocation(source: reader.source)
    }

    package var allocatedByteCount: UInt64 { allocation.byteCount(of: self) }

    package func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        guard offset < virtualByteCount else {
            throw .corrupt(
                record: imageName, offset: offset,
                reason: "the guest disk ends at its byte \(virtualByteCount)")
        }
        let grain = offset >> layout.grainShift
        let number = Int(grain >> layout.tableShift)
        let entry = directory[number]
        guard entry != 0 else {
            return stretch(fromTable: number, toTable: directory.endOfZeros(from: number), .zeros)
        }
        let table = GrainTable(
            number: number, offset: UInt64(entry) * 512, entryCount: entryCount(ofTable: number))
        if let damage = damage(of: table) {
            return stretch(fromTable: number, toTable: number + 1, .damaged(damage))
        }
        return try withEntries(of: table) { entries throws(ReadError) in
            extent(ofEntry: Int(grain & (1 << layout.tableShift - 1)), of: table, entries)
        }
    }

    /// A grain table's place.
    struct GrainTable {
        let number: Int
        /// In bytes of the image file.
        let offset: UInt64
        /// Entries that are the disk's; the last table may have fewer.
        let entryCount: Int

        var byteCount: Int { entryCount * 4 }
    }

    /// Calls `body` with the entries of a table that is inside the file.
    func withEntries<Result>(
        of table: GrainTable, _ body: (RawSpan) throws(ReadError) -> Result
    ) throws(ReadError) -> Result {
        try tables.withTable(UInt64(table.number), byteCount: table.byteCount, at: table.offset, body: body)
    }

    func entryCount(ofTable number: Int) -> Int {
        Int(min(1 << layout.tableShift, layout.grainCount - UInt64(number) << layout.tableShift))
    }

    /// Why a directory entry cannot be right; nil where it can.
    func damage(of table: GrainTable) -> ReadError? {
        let reason: String
        if table.offset >= fileByteCount || UInt64(table.byteCount) > fileByteCount - table.offset {
            reason =
                "its directory entry places \(table.byteCount) bytes here, and the file ends "
                + "at byte \(fileByteCount)"
        } else if table.offset < layout.metadataEnd {
            reason = "its directory entry points into the header or the descriptor"
        } else if table.offset < directory.offset + directory.byteCount,
            directory.offset < table.offset + UInt64(table.byteCount)
        {
            reason = "its directory entry points into the grain directory"
        } else if directory.isShared(directory[table.number]) {
            reason = "its directory entry names the place of another table, too"
        } else {
            return nil
        }
        let firstSector = UInt64(table.number) << (layout.tableShift + layout.grainShift - 9)
        return .corrupt(
            record: "grain table \(table.number) of \(imageName)", offset: table.offset,
            reason: "\(reason) (guest data from LBA \(firstSector) on)")
    }

    private func stretch(fromTable first: Int, toTable end: Int, _ storage: Extent.Storage) -> Extent {
        let shift = layout.tableShift + layout.grainShift
        let start = UInt64(first) << shift
        // The last table may reach past the disk, by less than 2^39 bytes: no overflow.
        return Extent(
            guestOffset: start, byteCount: min(UInt64(end) << shift, virtualByteCount) - start,
            storage: storage)
    }
}

extension VMDKSparseExtent.Layout {
    init(_ header: SparseExtentHeader, fileByteCount: UInt64) {
        if !header.isCompressed {
            storage = .plain
        } else {
            storage = header.flags.contains(.markers) ? .compressedWithMarkers : .compressed
        }
        grainByteCount = UInt64(header.grainByteCount)
        grainShift = UInt64(grainByteCount.trailingZeroBitCount)
        tableShift = UInt64(header.entriesPerTable.trailingZeroBitCount)
        grainCount = header.grainCount
        dataStart = header.dataStart(inFileOf: fileByteCount) * 512
        metadataEnd = header.metadataEnd(inFileOf: fileByteCount) * 512
        maximumStoredByteCount = (UInt64(GrainMarker.byteCount) + 2 * grainByteCount + 511) / 512 * 512
    }
}
