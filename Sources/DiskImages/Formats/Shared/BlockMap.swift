// From guest bytes to blocks in the file, for formats with one table: all checks of a block's place are here.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A map of blocks of one length. It knows which places cannot be right: past the file's end, on what describes the
/// image, and on another block's.
struct BlockMap<Format: BlockFormat>: Sendable {
    private let look: BlockLookUp<Format>
    private let overlapping: OverlappingPlaces
    private let imageName: String
    /// Guest bytes of blocks that are stored, or damaged; an estimate where the table is too large to look at all of it.
    let allocatedByteCount: UInt64
    let allocationIsEstimate: Bool
    /// What is questionable about a file that ends before what the table names, where all of it was looked at.
    let warnings: [String]

    /// A map by `table`, which has an entry for each block, into the file that `rules` describe.
    /// - Throws: `ReadError.corrupt` where the disk is larger than any file can be, `ReadError.overBudget` where there
    ///   is no memory left for comparing the blocks' places.
    init(
        _ format: Format, table: EntryTable, geometry: BlockGeometry, rules: PlaceRules,
        of reader: OpeningReader,
        budget: OpeningBudget
    ) throws(ReadError) {
        guard geometry.virtualByteCount <= UInt64(Int64.max) else {
            throw .corrupt(
                record: reader.imageName, offset: 0,
                reason: "a disk of \(geometry.virtualByteCount) bytes is more than a file can have")
        }
        let look = BlockLookUp(format: format, table: table, geometry: geometry, rules: rules)
        self.look = look
        imageName = reader.imageName
        guard table.isHeld, table.entryCount <= Self.checkedEntryLimit else {
            overlapping = .none
            allocationIsEstimate = true
            warnings = []
            // Both data and holes remain possible.
            let mostWithHoles = geometry.virtualByteCount - min(512, geometry.virtualByteCount)
            allocatedByteCount = max(512, min(reader.byteCount, mostWithHoles))
            return
        }
        var places = try PlaceMap(
            ofFileOf: rules.fileByteCount, places: geometry.placeByteCount, atMost: geometry.blockCount,
            budget: budget, for: "places of \(table.name)")
        for block in 0..<geometry.blockCount {
            if let start = try look.soundPlace(of: block) { try places.add(start) }
        }
        overlapping = try places.overlaps()
        let contents = try look.contents()
        allocatedByteCount = contents.allocatedByteCount
        allocationIsEstimate = false
        warnings = MissingEnd.warnings(
            of: rules.fileByteCount, namedTo: max(contents.placesEnd, table.neededEnd),
            by: table.recordName)
    }

    var format: Format { look.format }
    var table: EntryTable { look.table }
    var geometry: BlockGeometry { look.geometry }

    /// The entry of `block`; nil where the file ends before it.
    func entry(ofBlock block: UInt64) throws(ReadError) -> UInt64? {
        try look.entry(of: block)
    }

    /// The extent of guest byte `offset`. A block that is stored comes as `.stored` from its data's first byte on, as
    /// far as the file goes.
    func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        try GuestOffset.check(offset, below: geometry.virtualByteCount, of: imageName)
        let block = offset / geometry.blockByteCount
        guard let entry = try look.entry(of: block) else { return missing(with: block) }
        switch format.meaning(of: entry, block: block) {
        case .absent: return try run(from: block, of: .absent, entry, .absent)
        case .zeros: return try run(from: block, of: .zeros, entry, .zeros)
        case .stored(let start): return storedExtent(of: block, at: start, containing: offset)
        case .invalid: return damaged(block, format.reason(forInvalid: entry))
        }
    }

    /// Bytes of the file that hold all the places which can be right; nil where there are none, or the table is not held.
    func storedArea() throws(ReadError) -> Range<UInt64>? {
        guard table.isHeld else { return nil }
        var area: Range<UInt64>?
        for block in 0..<geometry.blockCount {
            guard let start = try look.soundPlace(of: block) else { continue }
            let end = start + geometry.placeByteCount
            area = min(area?.lowerBound ?? start, start)..<max(area?.upperBound ?? end, end)
        }
        return area
    }

    /// Looks at the entries of `range`.
    func validate(_ range: Range<UInt64>, in file: any ByteSource) throws(ReadError) {
        guard !range.isEmpty else { return }
        let place = table.place(
            ofEntries: format.entryIndex(ofBlock: range.lowerBound / geometry.blockByteCount),
            through: format.entryIndex(ofBlock: (range.upperBound - 1) / geometry.blockByteCount))
        if !place.isEmpty { try file.validate(place) }
    }

    /// The extent of a whole block that cannot be read, for a reason that is no matter of its entry alone.
    func damaged(_ block: UInt64, _ reason: String, at start: UInt64? = nil) -> Extent {
        let guest = geometry.guestRange(of: block)
        return Extent(
            guestOffset: guest.lowerBound, byteCount: guest.upperBound - guest.lowerBound,
            storage: .damaged(damage(block, reason, at: start)))
    }
}

extension BlockMap {
    /// Most entries whose places are compared when the image is opened.
    private static var checkedEntryLimit: UInt64 { 4 << 20 }
    /// Most blocks that are joined to one extent.
    private static var maximumRun: UInt64 { 512 }

    private func storedExtent(of block: UInt64, at start: UInt64, containing offset: UInt64) -> Extent {
        if let problem = look.problem(of: block, at: start) {
            return damaged(block, problem.text(of: "block"), at: start)
        }
        if overlapping.contains(start) {
            return damaged(block, "another block lies on some of the same bytes", at: start)
        }
        let guest = geometry.guestRange(of: block)
        let inFile = look.rules.fileByteCount - start
        let available = min(
            inFile - min(inFile, geometry.leadingByteCount), guest.upperBound - guest.lowerBound)
        guard offset - guest.lowerBound < available else {
            let rest = guest.lowerBound + available
            let problem = PlaceRules.Problem.pastTheEnd(look.rules.fileByteCount)
            return Extent(
                guestOffset: rest, byteCount: guest.upperBound - rest,
                storage: .damaged(damage(block, problem.text(of: "block"), at: start)))
        }
        return Extent(
            guestOffset: guest.lowerBound, byteCount: available,
            storage: .stored(at: start + geometry.leadingByteCount))
    }

    /// Blocks from `block` on that say the same.
    private func run(
        from block: UInt64, of meaning: BlockEntry, _ entry: UInt64, _ storage: Extent.Storage
    ) throws(ReadError) -> Extent {
        // The same end for whichever of the blocks is asked for.
        let runEnd = (block / Self.maximumRun + 1) * Self.maximumRun
        let limit = min(geometry.blockCount, runEnd, format.endOfGroup(withBlock: block))
        let index = format.entryIndex(ofBlock: block)
        let indexLimit = min(index + (limit - block), table.presentEntryCount)
        let end =
            try block
            + table.end(ofRunFrom: index, below: indexLimit) { position, other in
                other == entry || format.meaning(of: other, block: block + (position - index)) == meaning
            } - index
        let start = geometry.guestRange(of: block).lowerBound
        return Extent(
            guestOffset: start, byteCount: geometry.guestRange(of: end - 1).upperBound - start,
            storage: storage)
    }

    /// All blocks whose entries the file lacks, of which `block` is one.
    private func missing(with block: UInt64) -> Extent {
        var block = block
        var first: UInt64 = 0
        while first < block {
            let middle = first + (block - first) / 2
            if format.entryIndex(ofBlock: middle) < table.presentEntryCount {
                first = middle + 1
            } else {
                block = middle
            }
        }
        let start = geometry.guestRange(of: block).lowerBound
        let index = format.entryIndex(ofBlock: block)
        return Extent(
            guestOffset: start, byteCount: geometry.virtualByteCount - start,
            storage: .damaged(
                table.damage(
                    ofEntry: index,
                    "the file ends before the entry of \(format.subject(ofBlock: block, from: start))")))
    }

    private func damage(_ block: UInt64, _ reason: String, at start: UInt64?) -> ReadError {
        let subject = format.subject(ofBlock: block, from: geometry.guestRange(of: block).lowerBound)
        let place = start.map { " names byte \($0)" } ?? ""
        return table.damage(
            ofEntry: format.entryIndex(ofBlock: block), "the entry of \(subject)\(place): \(reason)")
    }
}
