// Stretches of an image file that are taken by what describes the image.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Records and tables whose places are known when an image is opened. Nothing else can be where they are, so whoever is led
/// to a place in the file asks this one set.
struct TakenRanges: Sendable {
    /// A record, and what messages call it.
    typealias Record = (name: String, range: Range<UInt64>)

    /// Ascending, and without overlap: of two that overlap, the one that starts first has what they share.
    private let records: [Record]

    /// What a record takes while the set is made, in bytes.
    static let recordByteCount: UInt64 = 128

    init(_ taken: [Record]) {
        var records: [Record] = []
        records.reserveCapacity(taken.count)
        var end: UInt64 = 0
        for record in taken.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            let start = max(record.range.lowerBound, end)
            guard start < record.range.upperBound else { continue }
            end = record.range.upperBound
            records.append((record.name, start..<end))
        }
        self.records = records
    }

    var isEmpty: Bool { records.isEmpty }

    /// These and `others`.
    func adding(_ others: [Record]) -> TakenRanges { TakenRanges(records + others) }

    /// Those that reach past byte `start`.
    func behind(_ start: UInt64) -> TakenRanges {
        TakenRanges(records.filter { $0.range.upperBound > start })
    }

    /// The name of a record that has bytes of `range`, which is not empty; nil where none has.
    func name(on range: Range<UInt64>) -> String? {
        let next = records.partitionPoint { $0.range.lowerBound < range.upperBound }
        guard next > 0, records[next - 1].range.upperBound > range.lowerBound else { return nil }
        return records[next - 1].name
    }

    /// The indices of those of `ranges`, none of which is empty, that share bytes with another of them.
    static func overlapping(in ranges: [Range<UInt64>]) -> Set<Int> {
        var overlapping: Set<Int> = []
        var farthest: Int?
        for index in ranges.indices.sorted(by: { ranges[$0].lowerBound < ranges[$1].lowerBound }) {
            if let last = farthest, ranges[index].lowerBound < ranges[last].upperBound {
                overlapping.formUnion([last, index])
                if ranges[index].upperBound <= ranges[last].upperBound { continue }
            }
            farthest = index
        }
        return overlapping
    }
}
