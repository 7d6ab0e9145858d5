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
    package internal(set) var warnings: [String]
    package let adapterType: String?
    package let parent: ParentReference?
    package let identity: ImageIdentity?

    /// How many tables are looked at one by one when it is asked whether the map has changed.
    private static let mostTablesValidated = 16

    /// What errors call the image.
    let imageName: String
    let source: any ByteSource
    let map: TableMap
    let layout: Layout
    /// Where plain grains can be.
    let rules: PlaceRules
    /// Whether a marker stands before each table: it does where the directory's place is in a footer.
    let hasTableMarkers: Bool
    let tables: TableCache
    private let allocation = GrainAllocation()
    /// Nil where the places of grains are not compared: markers say whose each grain is.
    let places: GrainPlaces?

    var fileByteCount: UInt64 { rules.fileByteCount }

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
        /// The most that a compressed grain takes: marker and twice the grain, in whole sectors.
        let maximumStoredByteCount: UInt64
    }

    /// - Throws: `ReadError.overBudget` where there is no memory left for what is kept of the map.
    init(
        header: SparseExtentHeader, map: TableMap, hasTableMarkers: Bool, descriptor: VMDKDescriptor?,
        format: DiskFormat? = nil, warnings: [String], reader: OpeningReader, tables: TableCache,
        options: DiskImageOpener.Options
    ) throws(ReadError) {
        self.format = format ?? (header.isCompressed ? .vmdkStreamOptimized : .vmdkMonolithicSparse)
        virtualByteCount = header.virtualByteCount
        clusterByteCount = header.isCompressed ? header.grainByteCount : 0
        adapterType = descriptor?.adapterType
        parent = try descriptor?.parent(of: reader.imageName)
        identity = descriptor?.identity
        imageName = reader.imageName
        source = reader.source
        layout = Layout(header)
        self.map = map
        self.hasTableMarkers = hasTableMarkers
        self.tables = tables
        self.warnings = warnings + map.warnings
        guard layout.storage != .compressedWithMarkers else {
            rules = PlaceRules(fileByteCount: reader.byteCount)
            places = nil
            return
        }
        guard UInt64(map.storedTableCount) <= GrainPlaces.maximumTableByteCount / header.tableByteCount else {
            rules = PlaceRules(
                fileByteCount: reader.byteCount,
                dataStart: header.dataStart(inFileOf: reader.byteCount) * 512,
                records: map.records)
            places = nil
            try checkLenient(options)
            return
        }
        let dataStart = header.dataStart(inFileOf: reader.byteCount) * 512
        let share = BudgetShare(of: options.budget)
        let (starts, kept) = try map.tableStarts(endingAfter: dataStart, share)
        rules = PlaceRules(
            fileByteCount: reader.byteCount, dataStart: dataStart,
            records: map.records, tableStarts: starts, tableByteCount: header.tableByteCount, share: share)
        share.giveBack(share.takenByteCount - kept)
        places = try GrainPlaces(
            of: layout, map, fileByteCount: reader.byteCount, named: reader.imageName, budget: options.budget)
    }

    /// Whether places are used twice cannot be told where the tables are very large: such a disk is read
    /// only where that is asked for.
    private mutating func checkLenient(_ options: DiskImageOpener.Options) throws(ReadError) {
        let what =
            "its grain tables take more than \(GrainPlaces.maximumTableByteCount) bytes, too many to find grains "
            + "that are named twice"
        guard options.lenient else {
            throw .refused(record: imageName, offset: map.directory.offset, reason: what, remedy: .lenient)
        }
        warnings.append(what)
    }

    package func countAllocatedBytes() throws(ReadError) -> UInt64 {
        try allocation.count(of: self).byteCount
    }

    package func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        try GuestOffset.check(offset, below: virtualByteCount, of: imageName)
        let grain = offset >> layout.grainShift
        let number = Int(grain >> layout.tableShift)
        let table: GrainTable
        switch map.lookUp(number) {
        case .absent: return stretch(fromTable: number, toTable: map.endOfAbsent(from: number), .absent)
        case .damaged:
            return stretch(fromTable: number, toTable: number + 1, .damaged(map.damage(ofTable: number)))
        case .table(let sector, let copy): table = self.table(number, at: sector, copy: copy)
        }
        do throws(ReadError) {
            return try withEntries(of: table) { entries throws(ReadError) in
                try extent(ofEntry: Int(grain & (1 << layout.tableShift - 1)), of: table, entries)
            }
        } catch {
            // A table that is wrong, or that no one can read, is damage of what it maps.
            guard error.isOfTheBytes else { throw error }
            return stretch(fromTable: number, toTable: number + 1, .damaged(error))
        }
    }

    /// Looks at the tables of `range`, or at the directory where that says that there is none.
    package func validateMap(of range: Range<UInt64>, in file: any ByteSource) throws(ReadError) {
        guard !range.isEmpty else { return }
        let shift = layout.tableShift + layout.grainShift
        let first = Int(range.lowerBound >> shift)
        let last = Int((range.upperBound - 1) >> shift)
        // Of many tables some are likely to be in each part of the file.
        guard last - first < Self.mostTablesValidated else { return try file.validate() }
        // Sectors have 32 bits, and tables at most 2^32 bytes: no overflow.
        var previous: Range<UInt64>?
        for number in first...last {
            let place =
                if case .table(let sector, _) = map.lookUp(number) {
                    (UInt64(sector) * 512)..<(UInt64(sector) * 512 + 4 << layout.tableShift)
                } else {
                    map.directory.range
                }
            if place != previous { try file.validate(place) }
            previous = place
        }
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

extension VMDKSparseExtent {
    package var allocatedByteCount: UInt64 { allocation.result(of: self).byteCount }
    package var allocationIsEstimate: Bool { allocation.result(of: self).isEstimate }
    package var allocationUnitByteCount: UInt64? { layout.grainByteCount }
}

extension VMDKSparseExtent.Layout {
    init(_ header: SparseExtentHeader) {
        if !header.isCompressed {
            storage = .plain
        } else {
            storage = header.flags.contains(.markers) ? .compressedWithMarkers : .compressed
        }
        grainByteCount = UInt64(header.grainByteCount)
        grainShift = UInt64(grainByteCount.trailingZeroBitCount)
        tableShift = UInt64(header.entriesPerTable.trailingZeroBitCount)
        grainCount = header.grainCount
        maximumStoredByteCount = (UInt64(GrainMarker.byteCount) + 2 * grainByteCount + 511) / 512 * 512
    }
}
