// What a disk and its snapshots share: the file that they are in.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The file of a qcow image, and where tables and clusters can be in it. It never changes.
final class QCOWFile: Sendable {
    /// What errors call the image.
    let imageName: String
    let source: any ByteSource
    let geometry: QCOWGeometry
    let byteCount: UInt64
    let tables: TableCache
    /// Where second-level tables can be.
    let tableRules: PlaceRules
    /// Where clusters can be.
    let dataRules: PlaceRules
    /// The first-level tables of snapshots.
    private let snapshotTables: TakenRanges
    /// Keeps what `snapshotTables` takes.
    private let share: BudgetShare?

    /// A file whose header ends before byte `dataStart`, in which `records` are, the second-level tables of the active disk,
    /// and the first-level tables of snapshots, which were taken from `share`.
    init(
        _ reader: OpeningReader, _ geometry: QCOWGeometry, tables: TableCache, dataStart: UInt64,
        records: [(name: String, range: Range<UInt64>)], secondLevel: QCOWFirstLevel.Tables,
        snapshotTables: TakenRanges = TakenRanges([]), share: BudgetShare? = nil
    ) {
        imageName = reader.imageName
        source = reader.source
        byteCount = reader.byteCount
        self.geometry = geometry
        self.tables = tables
        self.snapshotTables = snapshotTables
        self.share = share
        tableRules = PlaceRules(fileByteCount: reader.byteCount, dataStart: dataStart, records: records)
        dataRules = PlaceRules(
            fileByteCount: reader.byteCount, dataStart: dataStart, records: records,
            tableStarts: secondLevel.starts, tableByteCount: geometry.tableByteCount, share: secondLevel.share
        )
        secondLevel.share.giveBack(secondLevel.sortingByteCount)
    }

    /// Bytes of the file from `start` on.
    func available(from start: UInt64) -> UInt64 { byteCount - min(byteCount, start) }

    /// What is wrong with `byteCount` bytes of clusters at byte `start`; nil where nothing is.
    func problem(ofClustersAt start: UInt64, byteCount: UInt64) -> PlaceRules.Problem? {
        if let problem = dataRules.problem(at: start, byteCount: byteCount) { return problem }
        return snapshotTables.overlaps(start..<(start + byteCount))
            ? .onRecord("the first-level table of a snapshot") : nil
    }

    /// What a slice of a second-level table is cached under: its place, so that a disk and its snapshots share it.
    static func tableIndex(ofSliceAt start: UInt64) -> UInt64 {
        // Places are below 2^63, and mostly multiples of a sector.
        start >> 9 | (start & 511) << 55
    }

    static func tableIndex(ofFirstLevelAt start: UInt64) -> UInt64 {
        tableIndex(ofSliceAt: start) | 1 << 54
    }
}
