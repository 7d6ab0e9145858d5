// The memory that comparing the tables of snapshots takes.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension QCOWFirstLevel {
    /// Memory to compare the tables of one snapshot at a time, taken when the image is opened, so that each of them can be
    /// read.
    final class ComparingRoom: Sendable {
        let share: BudgetShare
        let byteCount: UInt64
        let lock = LoadingLock()

        /// For tables of up to `entryCounts` entries, in the file that `reader` reads.
        /// - Throws: `ReadError.overBudget` where there is no memory left for it.
        init(
            for entryCounts: [UInt64], _ geometry: QCOWGeometry, by reader: OpeningReader,
            _ budget: OpeningBudget
        ) throws(ReadError) {
            share = BudgetShare(of: budget)
            byteCount =
                entryCounts.filter { $0 <= QCOWFirstLevel.comparedEntryCountLimit }.map {
                    PlaceMap.expectedByteCount(
                        ofFileOf: reader.byteCount, places: geometry.tableByteCount, atMost: $0)
                }.max() ?? 0
            try share.take(byteCount, for: "places of the tables of snapshots of \(reader.imageName)")
        }
    }
}

extension RawSpan {
    /// Entry `index` of a table of entries of 8 bytes, highest byte first.
    func bigEndianEntry(_ index: Int) -> UInt64 {
        littleEndian(UInt64.self, at: index * 8).byteSwapped
    }
}
