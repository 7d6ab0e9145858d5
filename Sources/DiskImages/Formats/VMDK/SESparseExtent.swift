// An extent of an ESX disk that grows and shrinks: seSparse.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension DiskFormat {
    package static let vmdkSESparse = DiskFormat("vmdk-seSparse")
}

/// The map of a seSparse extent, a part of a disk: a directory leads to tables, whose entries lead to grains of 4 KiB.
/// Spec: none; QEMU, block/vmdk.c.
struct SESparseExtent: DiskImage {
    let format = DiskFormat.vmdkSESparse
    let virtualByteCount: UInt64
    let clusterByteCount = 0
    let warnings: [String] = []
    let allocatedByteCount: UInt64
    /// Only the directory is looked at.
    let allocationIsEstimate = true

    private let imageName: String
    private let directory: BlockMap<SESparseDirectory>
    private let grainsOffset: UInt64
    private let rules: PlaceRules
    private let tables: TableCache

    /// The most entries that are joined to one extent.
    private static let maximumRun: UInt64 = 1_024
    /// Where tables are among the cached ones: behind the pages of the directory.
    private static let firstTable: UInt64 = 1 << 32
    /// How many tables are looked at one by one when it is asked whether the map has changed.
    private static let mostTablesValidated: UInt64 = 16

    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        try SESparseExtent(reader, tables: tables, options: options)
    }

    /// - Throws: `ReadError` where a header or the directory is damaged, or a journal would have to be replayed.
    init(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) {
        let header = try SESparseHeader(by: reader)
        imageName = reader.imageName
        virtualByteCount = header.virtualByteCount
        grainsOffset = header.grainsOffset
        self.tables = tables
        let table = try EntryTable(
            named: "grain directory", at: header.directory.lowerBound, entryCount: header.tableCount,
            encoding: .littleEndian64, by: reader,
            besides: [
                ("the header", 0..<UInt64(SESparseHeader.byteCount)),
                ("the volatile header", header.volatileHeader),
            ], pages: tables, budget: options.budget)
        let records = [
            ("the volatile header", header.volatileHeader), ("the grain directory", header.directory),
        ]
        let end = max(header.grainsOffset, reader.byteCount)
        directory = try BlockMap(
            SESparseDirectory(tablesOffset: header.tablesOffset), table: table,
            geometry: BlockGeometry(
                virtualByteCount: header.grainCount * 8, blockByteCount: SESparseHeader.tableByteCount),
            rules: PlaceRules(
                fileByteCount: reader.byteCount, dataStart: UInt64(SESparseHeader.byteCount),
                records: records
                    + (header.grainsOffset > header.tablesOffset
                        ? [("the grains", header.grainsOffset..<end)] : [])),
            of: reader, budget: options.budget)
        let area = try directory.storedArea()
        rules = PlaceRules(
            fileByteCount: reader.byteCount, dataStart: UInt64(SESparseHeader.byteCount),
            records: records + (area.map { [("a grain table", $0)] } ?? []))
        let covered = directory.allocatedByteCount / 8 * SESparseHeader.grainByteCount
        let room = reader.byteCount - min(reader.byteCount, header.grainsOffset)
        // Both data and holes remain possible.
        allocatedByteCount = covered == 0 ? 0 : max(512, min(covered, room, virtualByteCount - 512))
    }

    func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        try GuestOffset.check(offset, below: virtualByteCount, of: imageName)
        let grain = offset / SESparseHeader.grainByteCount
        let part = try directory.extent(containing: grain * 8)
        let first = part.guestOffset / 8
        switch part.storage {
        case .stored(let place):
            let present = part.byteCount / 8
            guard grain - first < present else {
                return stretch(
                    from: first + present, to: endOfTable(with: grain), .damaged(cut(in: grain, at: place)))
            }
            return try tables.withTable(
                Self.firstTable + first / SESparseHeader.entriesPerTable, byteCount: Int(present * 8),
                at: place
            ) { entries in
                extent(ofGrain: grain, tableFrom: first, at: place, entries, containing: offset)
            }
        case .damaged: return stretch(from: first, to: (part.guestEnd + 7) / 8, part.storage)
        case .absent, .zeros, .compressed, .elsewhere:
            return stretch(from: first, to: part.guestEnd / 8, .absent)
        }
    }

    /// Looks at the tables of `range`, and at the directory.
    func validateMap(of range: Range<UInt64>, in file: any ByteSource) throws(ReadError) {
        guard !range.isEmpty else { return }
        let first = range.lowerBound / SESparseHeader.grainByteCount * 8
        let last = (range.upperBound - 1) / SESparseHeader.grainByteCount * 8
        let firstTable = first / SESparseHeader.tableByteCount
        let lastTable = last / SESparseHeader.tableByteCount
        // Of many tables some are likely to be in each part of the file.
        guard lastTable - firstTable < Self.mostTablesValidated else { return try file.validate() }
        try directory.validate(first..<(last + 1), in: file)
        for number in firstTable...lastTable {
            let part = try directory.extent(containing: number * SESparseHeader.tableByteCount)
            guard case .stored(let place) = part.storage else { continue }
            try file.validate(place..<(place + part.byteCount))
        }
    }

    /// The extent that starts with the entry of `grain`, in the table that starts with that of grain `first` and is at byte
    /// `place` of the file.
    private func extent(
        ofGrain grain: UInt64, tableFrom first: UInt64, at place: UInt64, _ entries: RawSpan,
        containing offset: UInt64
    ) -> Extent {
        let raw = entries.entry(grain - first)
        let limit = min(
            first + UInt64(entries.byteCount / 8), (grain / Self.maximumRun + 1) * Self.maximumRun)
        var end = grain + 1
        switch SESparseEntry(raw) {
        case .absent:
            while end < limit, entries.entry(end - first) == 0 { end += 1 }
            return stretch(from: grain, to: end, .absent)
        case .zeros:
            while end < limit, SESparseEntry(entries.entry(end - first)) == .zeros { end += 1 }
            return stretch(from: grain, to: end, .zeros)
        case .invalid:
            let reason = "it is 0x\(String(raw, radix: 16)), which means nothing"
            return stretch(from: grain, to: end, .damaged(damage(grain, first, place, reason)))
        case .grain(let number):
            let start = self.start(ofGrain: number)
            if let problem = problem(of: grain, at: start) {
                let text = "it names byte \(start): \(problem.text(of: "grain"))"
                return stretch(from: grain, to: end, .damaged(damage(grain, first, place, text)))
            }
            guard isWhole(grain, at: start) else {
                return cutGrain(grain, at: start, containing: offset, damage(grain, first, place, cutReason))
            }
            var next = number + 1
            while end < limit, SESparseEntry(entries.entry(end - first)) == .grain(next),
                problem(of: end, at: self.start(ofGrain: next)) == nil,
                isWhole(end, at: self.start(ofGrain: next))
            {
                end += 1
                next += 1
            }
            return stretch(from: grain, to: end, .stored(at: start))
        }
    }

    /// Where grain `number` starts, in bytes of the file; past any file's end where that is no number.
    private func start(ofGrain number: UInt64) -> UInt64 {
        let (distance, overflow) = number.multipliedReportingOverflow(by: SESparseHeader.grainByteCount)
        let (start, isTooFar) = grainsOffset.addingReportingOverflow(distance)
        return overflow || isTooFar ? .max : start
    }

    private func neededByteCount(of grain: UInt64) -> UInt64 {
        min(SESparseHeader.grainByteCount, virtualByteCount - grain * SESparseHeader.grainByteCount)
    }

    /// What is wrong with the place of `grain`, as far as it is in the file.
    private func problem(of grain: UInt64, at start: UInt64) -> PlaceRules.Problem? {
        guard start < rules.fileByteCount else { return .pastTheEnd(rules.fileByteCount) }
        return rules.problem(
            at: start, byteCount: min(neededByteCount(of: grain), rules.fileByteCount - start))
    }

    private func isWhole(_ grain: UInt64, at start: UInt64) -> Bool {
        neededByteCount(of: grain) <= rules.fileByteCount - start
    }

    /// The part of `grain`, in which the file ends, that holds guest byte `offset`.
    private func cutGrain(
        _ grain: UInt64, at start: UInt64, containing offset: UInt64, _ error: ReadError
    ) -> Extent {
        let guestStart = grain * SESparseHeader.grainByteCount
        let present = rules.fileByteCount - start
        guard offset - guestStart < present else {
            return Extent(
                guestOffset: guestStart + present, byteCount: neededByteCount(of: grain) - present,
                storage: .damaged(error))
        }
        return Extent(guestOffset: guestStart, byteCount: present, storage: .stored(at: start))
    }

    private func stretch(from first: UInt64, to end: UInt64, _ storage: Extent.Storage) -> Extent {
        let start = first * SESparseHeader.grainByteCount
        return Extent(
            guestOffset: start,
            byteCount: min(end * SESparseHeader.grainByteCount, virtualByteCount) - start, storage: storage)
    }
}

extension SESparseExtent {
    private var cutReason: String { PlaceRules.Problem.pastTheEnd(rules.fileByteCount).text(of: "grain") }

    private func endOfTable(with grain: UInt64) -> UInt64 {
        (grain / SESparseHeader.entriesPerTable + 1) * SESparseHeader.entriesPerTable
    }

    /// The error for the entry of `grain`, in the table that starts with that of grain `first` and is at byte `place`.
    private func damage(
        _ grain: UInt64, _ first: UInt64, _ place: UInt64, _ reason: String
    ) -> ReadError {
        .corrupt(
            record: "grain table \(first / SESparseHeader.entriesPerTable) of \(imageName)",
            offset: place + (grain - first) * 8,
            reason:
                "the entry of the grain at guest byte \(grain * SESparseHeader.grainByteCount): \(reason)")
    }

    private func cut(in grain: UInt64, at place: UInt64) -> ReadError {
        .corrupt(
            record: "grain table \(grain / SESparseHeader.entriesPerTable) of \(imageName)", offset: place,
            reason: "the file ends at byte \(rules.fileByteCount), before the table does")
    }
}

extension RawSpan {
    fileprivate func entry(_ index: UInt64) -> UInt64 { littleEndian(UInt64.self, at: Int(index * 8)) }
}
