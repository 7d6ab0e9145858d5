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
    /// Where second-level tables can be, of the disk and of its snapshots.
    let tableRules: PlaceRules
    /// Where clusters can be.
    let dataRules: PlaceRules
    /// Keeps what the rules take.
    private let share: BudgetShare?

    /// A file whose clusters can be where `rules`, which took of `share`, say. They know all records and the second-level
    /// tables of the active disk.
    init(
        _ reader: OpeningReader, _ geometry: QCOWGeometry, tables: TableCache, _ rules: PlaceRules,
        share: BudgetShare? = nil
    ) {
        imageName = reader.imageName
        source = reader.source
        byteCount = reader.byteCount
        self.geometry = geometry
        self.tables = tables
        self.share = share
        dataRules = rules
        tableRules = rules.forTables
    }

    /// Bytes of the file from `start` on.
    func available(from start: UInt64) -> UInt64 { byteCount - min(byteCount, start) }

    /// What a slice of a second-level table is cached under: its place, so that a disk and its snapshots share it.
    static func tableIndex(ofSliceAt start: UInt64) -> UInt64 {
        // Places are below 2^63, and mostly multiples of a sector.
        start >> 9 | (start & 511) << 55
    }

    static func tableIndex(ofFirstLevelAt start: UInt64) -> UInt64 {
        tableIndex(ofSliceAt: start) | 1 << 54
    }
}
