// What can be read of a stream whose end is missing.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A streamOptimized disk without its directory. A grain that was found by its marker is read; a grain that a
/// recovered grain table calls zero is zeros; everything else is an error, since no one knows what it holds.
struct RecoveredStream: DiskImage {
    let format = DiskFormat.vmdkStreamOptimized
    let virtualByteCount: UInt64
    let clusterByteCount: Int
    let warnings: [String]
    let adapterType: String?
    let allocatedByteCount: UInt64

    /// The most tables that are looked at, in bytes.
    private static let maximumTableByteCount: UInt64 = 128 << 20

    private let share: BudgetShare
    private let imageName: String
    private let header: SparseExtentHeader
    private let grainByteCount: UInt64

    var allocationUnitByteCount: UInt64? { grainByteCount }
    private let entriesPerTable: UInt64
    /// The grains that were found once, by their numbers.
    private let grains: [MarkerScan.Grain]
    /// The numbers of the tables that were found, ascending: there, what is no grain is zeros.
    private let knownTables: [UInt64]

    init(
        _ scan: MarkerScan, header: SparseExtentHeader, descriptor: VMDKDescriptor?, warnings: [String],
        reader: OpeningReader
    ) throws(ReadError) {
        share = scan.share
        self.header = header
        virtualByteCount = header.virtualByteCount
        clusterByteCount = header.grainByteCount
        adapterType = descriptor?.adapterType
        imageName = reader.imageName
        grainByteCount = UInt64(header.grainByteCount)
        entriesPerTable = UInt64(header.entriesPerTable)
        let found = scan.grains.sorted { $0.index < $1.index }
        grains = Self.foundOnce(in: found)
        knownTables = try Self.knownTables(in: scan, found, header, reader)
        var zeroCount: UInt64 = 0
        for table in knownTables {
            let first = table * entriesPerTable
            let end = min(first + entriesPerTable, header.grainCount)
            zeroCount += end - first - UInt64(grains.count(in: first..<end))
        }
        // The last grain of the disk may be short: it is counted whole.
        allocatedByteCount = virtualByteCount - min(virtualByteCount, zeroCount * grainByteCount)
        self.warnings =
            warnings + [
                "\(scan.ending); recovered \(grains.count) grains and \(knownTables.count) grain tables"
            ]
    }

    func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        try GuestOffset.check(offset, below: virtualByteCount, of: imageName)
        let number = offset / grainByteCount
        let position = grains.position(ofFirstAtOrAfter: number)
        if position < grains.count, grains[position].index == number {
            let grain = grains[position]
            let cluster = CompressedCluster(
                markedGrain: number, atSector: grain.sector, storedByteCountLimit: Int(grain.storedByteCount),
                header)
            return extent(from: number, to: number + 1, .compressed(cluster))
        }
        let table = number / entriesPerTable
        var end = (table + 1) * entriesPerTable
        if position < grains.count { end = min(end, grains[position].index) }
        if knownTables.contains(sorted: table) { return extent(from: number, to: end, .zeros) }
        return extent(
            from: number, to: end,
            .damaged(
                .corrupt(
                    record: "recovered part of \(imageName)", offset: 0,
                    reason:
                        "no grain at LBA \(number * (grainByteCount / 512)) was found, and no grain table "
                        + "that says it is zeros")))
    }

    private func extent(from first: UInt64, to end: UInt64, _ storage: Extent.Storage) -> Extent {
        let start = first * grainByteCount
        return Extent(
            guestOffset: start, byteCount: min(end * grainByteCount, virtualByteCount) - start,
            storage: storage)
    }

    /// Grains by their numbers, without those that two markers claim.
    private static func foundOnce(in sorted: [MarkerScan.Grain]) -> [MarkerScan.Grain] {
        sorted.indices.filter { position in
            (position == 0 || sorted[position - 1].index != sorted[position].index)
                && (position + 1 == sorted.count || sorted[position + 1].index != sorted[position].index)
        }.map { sorted[$0] }
    }

    /// The tables that say which part of the disk they are for: their entries lead to all the grains that
    /// were found of that part, each of them once, and to no others.
    private static func knownTables(
        in scan: MarkerScan, _ found: [MarkerScan.Grain], _ header: SparseExtentHeader,
        _ reader: OpeningReader
    ) throws(ReadError) -> [UInt64] {
        var seen: [UInt64: Int] = [:]
        // Tables of holes are free for who makes a file, and not for who reads them.
        let limit = Int(Self.maximumTableByteCount / header.tableByteCount)
        for sector in scan.tableSectors.prefix(limit) {
            let byteCount = Int(header.entriesPerTable) * 4
            guard let record = try? reader.record("grain table", byteCount: byteCount, at: sector * 512),
                let number = try number(ofTable: record, scan, found, header)
            else { continue }
            seen[number, default: 0] += 1
        }
        return seen.filter { $0.value == 1 }.map(\.key).sorted()
    }

    private static func number(
        ofTable record: OnDiskRecord, _ scan: MarkerScan, _ found: [MarkerScan.Grain],
        _ header: SparseExtentHeader
    ) throws(ReadError) -> UInt64? {
        let entriesPerTable = UInt64(header.entriesPerTable)
        var number: UInt64?
        var grainCount = 0
        for index in 0..<Int(header.entriesPerTable) {
            let sector = try record.littleEndian(UInt32.self, at: index * 4)
            guard sector > 1 else { continue }
            guard let grain = scan.grain(at: sector),
                grain.index % entriesPerTable == UInt64(index),
                number == nil || number == grain.index / entriesPerTable
            else { return nil }
            number = grain.index / entriesPerTable
            grainCount += 1
        }
        guard let number else { return nil }
        // No overflow: a grain of the table is on the disk.
        let range = (number * entriesPerTable)..<((number + 1) * entriesPerTable)
        return found.count(in: range) == grainCount ? number : nil
    }
}

extension [MarkerScan.Grain] {
    /// In an array that ascends by number: the first place whose grain is `index` or one behind it.
    fileprivate func position(ofFirstAtOrAfter index: UInt64) -> Int {
        partitionPoint { $0.index < index }
    }

    fileprivate func count(in range: Range<UInt64>) -> Int {
        position(ofFirstAtOrAfter: range.upperBound) - position(ofFirstAtOrAfter: range.lowerBound)
    }
}

extension [UInt64] {
    fileprivate func contains(sorted value: UInt64) -> Bool {
        let position = partitionPoint { $0 < value }
        return position < count && self[position] == value
    }
}

extension MarkerScan {
    /// How the walk ended, in words.
    fileprivate var ending: String {
        switch stop {
        case .endOfFile: "the file ends before the stream does"
        case .noMarker(let offset): "the markers end at byte \(offset)"
        case .limit: "there are more markers than are looked at"
        case nil: "the stream ends"
        }
    }

    /// The grain whose marker is at `sector`.
    func grain(at sector: UInt32) -> Grain? {
        let position = grains.partitionPoint { $0.sector < sector }
        return position < grains.count && grains[position].sector == sector ? grains[position] : nil
    }

    /// Whether a grain table's marker was found in front of `sector`.
    func hasTable(at sector: UInt64) -> Bool {
        let position = tableSectors.partitionPoint { $0 < sector }
        return position < tableSectors.count && tableSectors[position] == sector
    }
}
