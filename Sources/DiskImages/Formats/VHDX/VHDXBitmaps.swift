// The sector bitmaps of a differencing VHDX, and whether their places are right.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Where the bitmaps are that blocks which are there in part need. Others are never looked at: some programs wrote garbage
/// in their entries.
/// Spec: [MS-VHDX], 2.5.1.2.
struct VHDXBitmaps: Sendable {
    static let byteCount: UInt64 = 1 << 20

    private let map: BlockMap<VHDXBlocks>
    private let rules: PlaceRules
    /// Where bitmaps start, ascending; empty where the table is too large to look at all of it.
    private let starts: [UInt64]
    /// Bitmaps that share bytes with a block or another bitmap, by where they start.
    private let overlapping: Set<UInt64>
    /// Keeps what the places take.
    private let share: BudgetShare

    /// What a bitmap's place takes in arrays that grow and are sorted, and in a set, in bytes.
    private static let placeByteCount: UInt64 = 128
    private static let batch = 1_024

    init(of map: BlockMap<VHDXBlocks>, _ rules: PlaceRules, budget: OpeningBudget) throws(ReadError) {
        self.map = map
        self.rules = rules
        share = BudgetShare(of: budget)
        guard !map.allocationIsEstimate else {
            starts = []
            overlapping = []
            return
        }
        let (starts, shared) = try Self.starts(of: map, rules, share)
        var overlapping = shared
        if !starts.isEmpty {
            // How many more blocks lie on each bitmap than on the one before it.
            var differences = [Int](repeating: 0, count: starts.count + 1)
            for block in 0..<map.geometry.blockCount {
                guard let place = try Self.place(of: block, map, rules) else { continue }
                differences[starts.partitionPoint { $0 < place.lowerBound }] += 1
                differences[starts.partitionPoint { $0 < place.upperBound }] -= 1
            }
            var count = 0
            for (start, difference) in zip(starts, differences) {
                count += difference
                if count > 0 { overlapping.insert(start) }
            }
        }
        self.starts = starts
        self.overlapping = overlapping
    }

    /// Where the bitmaps of blocks that are there in part start, ascending, and those of them that several have.
    private static func starts(
        of map: BlockMap<VHDXBlocks>, _ rules: PlaceRules, _ share: BudgetShare
    ) throws(ReadError) -> (starts: [UInt64], shared: Set<UInt64>) {
        var starts: [UInt64] = []
        var lastIndex: UInt64?
        for block in 0..<map.geometry.blockCount {
            guard let entry = try map.entry(ofBlock: block), map.format.isPartial(entry) else { continue }
            let index = map.format.bitmapIndex(forBlock: block)
            guard index != lastIndex, index < map.table.presentEntryCount else { continue }
            lastIndex = index
            guard let start = map.format.bitmapOffset(of: try map.table.entry(index)),
                start < rules.fileByteCount
            else { continue }
            if starts.count % batch == 0 {
                try share.take(UInt64(batch) * placeByteCount, for: "places of bitmaps of \(map.table.name)")
            }
            starts.append(start)
        }
        var unique: [UInt64] = []
        var shared: Set<UInt64> = []
        for start in starts.radixSorted() {
            if start == unique.last { shared.insert(start) } else { unique.append(start) }
        }
        return (unique, shared)
    }

    /// The place of `block`, as far as it is in the file; nil where it is not there, or wrong by itself.
    private static func place(
        of block: UInt64, _ map: BlockMap<VHDXBlocks>, _ rules: PlaceRules
    ) throws(ReadError) -> Range<UInt64>? {
        guard let entry = try map.entry(ofBlock: block),
            case .stored(let start) = map.format.meaning(of: entry, block: block), start < rules.fileByteCount
        else { return nil }
        let byteCount = min(map.geometry.blockByteCount, rules.fileByteCount - start)
        return rules.problem(at: start, byteCount: byteCount) == nil ? start..<(start + byteCount) : nil
    }

    /// Whether a bitmap lies on some of the bytes of the block at `start`.
    func isOnBlock(at start: UInt64) -> Bool {
        guard !starts.isEmpty else { return false }
        let index = starts.partitionPoint { $0 < start }
        return index < starts.count && starts[index] - start < map.geometry.blockByteCount
    }

    /// What is wrong with the bitmap of a block.
    struct Problem: Error {
        let reason: String
        /// Where the bitmap starts; nil where that is not known.
        let start: UInt64?
    }

    /// Where the bits of `block`, which is there in part, start in the file: as many as it has sectors, `byteCount` bytes.
    func offset(forBlock block: UInt64, byteCount: UInt64) throws(ReadError) -> Result<UInt64, Problem> {
        let index = map.format.bitmapIndex(forBlock: block)
        guard index < map.table.presentEntryCount else {
            return .failure(
                Problem(reason: "a part of the block is there, and its bitmap has no entry", start: nil))
        }
        let entry = try map.table.entry(index)
        guard let start = map.format.bitmapOffset(of: entry) else {
            return .failure(
                Problem(
                    reason: "a part of the block is there, and the entry of its bitmap is "
                        + "0x\(String(entry, radix: 16))", start: nil))
        }
        let place = start.addingReportingOverflow(
            block % (map.format.blocksPerGroup ?? 1) * byteCount)
        guard !place.overflow, start <= rules.fileByteCount else {
            return .failure(Problem(reason: "the file ends before its bitmap", start: start))
        }
        if let problem = rules.problem(at: place.partialValue, byteCount: byteCount)
            ?? rules.problem(at: start, byteCount: min(Self.byteCount, rules.fileByteCount - start))
        {
            return .failure(Problem(reason: problem.text(of: "bitmap"), start: start))
        }
        guard !overlapping.contains(start) else {
            return .failure(Problem(reason: "its bitmap lies on a block or another bitmap", start: start))
        }
        return .success(place.partialValue)
    }
}
