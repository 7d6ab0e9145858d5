// Which places in a file overlap, of those that tables name.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Gathers the places of grains, clusters, blocks or tables, all of one length, and finds those that overlap: one of
/// two is wrong then, and nobody knows which. Uses one bit for each place that the file has room for, a second one for
/// each once many are named twice, and sixteen bytes for each that is not aligned with the others; all of it from the
/// budget. What repeats costs no more than what does not.
struct PlaceMap {
    private let unit: PlaceUnit
    private let purpose: String
    private let budget: OpeningBudget
    private let share: BudgetShare
    /// What was taken through `share` and is not used yet, in bytes.
    private var unusedByteCount: UInt64
    private let fileByteCount: UInt64
    /// What the start of the first place leaves when it is divided by the length; most of the others do, too.
    private var remainder: UInt64?
    /// A bit for each place that leaves the same remainder; empty where places are only listed.
    private var aligned: [UInt64]
    private var misaligned: [UInt64] = []
    /// Aligned places that were found to overlap others, while they are few; in any order, some more than once.
    private var repeated: [UInt64] = []
    /// A bit for each of them, where they are more.
    private var repeatedBits: OverlappingPlaces.Bits?

    /// Elements that are taken from the budget at once.
    private static let batch = 4_096
    /// What an element of a growing array takes at most, in bytes.
    private static let arrayElementByteCount: UInt64 = 16
    /// What sorting takes for an element, which it copies twice.
    private static let sortedElementByteCount: UInt64 = 16

    /// A map of a file of `fileByteCount` bytes, for places of `byteCount` bytes, which is not 0. Where only `count` of them
    /// come, and that is few for such a file, they are only listed, and no neighbours are found. `purpose` is what an error
    /// of the budget names. `reserved` has `expectedByteCount` bytes for this map already.
    init(
        ofFileOf fileByteCount: UInt64, places byteCount: UInt64, atMost count: UInt64 = .max,
        budget: OpeningBudget, reserved: BudgetShare? = nil, for purpose: String
    ) throws(ReadError) {
        unit = PlaceUnit(byteCount: byteCount)
        self.purpose = purpose
        self.budget = budget
        share = reserved ?? BudgetShare(of: budget)
        unusedByteCount =
            reserved == nil
            ? 0 : Self.expectedByteCount(ofFileOf: fileByteCount, places: byteCount, atMost: count)
        self.fileByteCount = fileByteCount
        aligned = []
        let wordCount = Self.wordCount(ofFileOf: fileByteCount, places: byteCount)
        guard count >= wordCount / 4 else { return }
        try take(wordCount * 8)
        aligned = Array(repeating: 0, count: Int(wordCount))
    }

    private static func wordCount(ofFileOf fileByteCount: UInt64, places byteCount: UInt64) -> UInt64 {
        fileByteCount / byteCount / 64 + 1
    }

    /// What a map takes of the budget, in bytes, unless places are damaged.
    static func expectedByteCount(
        ofFileOf fileByteCount: UInt64, places byteCount: UInt64, atMost count: UInt64 = .max
    ) -> UInt64 {
        let wordCount = wordCount(ofFileOf: fileByteCount, places: byteCount)
        guard count < wordCount / 4 else { return wordCount * 8 }
        // Listed, then sorted.
        let batchCount = (count + UInt64(batch) - 1) / UInt64(batch)
        return batchCount * UInt64(batch) * arrayElementByteCount + count * sortedElementByteCount
    }

    private mutating func take(_ byteCount: UInt64) throws(ReadError) {
        let known = min(byteCount, unusedByteCount)
        try share.take(byteCount - known, for: purpose)
        unusedByteCount -= known
    }

    private var length: UInt64 { unit.byteCount }

    /// Adds the place that starts at byte `start` of the file; one that starts after its end is left out.
    mutating func add(_ start: UInt64) throws(ReadError) {
        guard start < fileByteCount else { return }
        let (number, rest) = unit.split(start)
        let word = Int(truncatingIfNeeded: number >> 6)
        guard word < aligned.count, rest == remainder ?? rest else { return try addMisaligned(start) }
        remainder = rest
        let bit: UInt64 = 1 << (number & 63)
        if aligned[word] & bit == 0 { aligned[word] |= bit } else { try noteRepeated(start) }
    }

    /// The places that overlap others, of those that were added so far.
    mutating func overlaps() throws(ReadError) -> OverlappingPlaces {
        let scratchByteCount = UInt64(misaligned.count) * Self.sortedElementByteCount
        let takenByteCount = scratchByteCount - min(scratchByteCount, unusedByteCount)
        try share.take(takenByteCount, for: purpose)
        defer { share.giveBack(takenByteCount) }
        let listShare = BudgetShare(of: budget)
        let sorted = misaligned.radixSorted()
        var overlapping: [UInt64] = []
        for (index, start) in sorted.enumerated() {
            var isAlone =
                (index == 0 || start - sorted[index - 1] >= length)
                && (index + 1 == sorted.count || sorted[index + 1] - start >= length)
            let (before, after) = neighbours(of: start)
            if isTaken(before) {
                isAlone = false
                try noteRepeated(before)
            }
            if after != before, isTaken(after) {
                isAlone = false
                try noteRepeated(after)
            }
            guard !isAlone, overlapping.last != start else { continue }
            if overlapping.count % Self.batch == 0 { try takeBatch(listShare) }
            overlapping.append(start)
        }
        repeated.sort()
        var previous: UInt64?
        var few: [UInt64] = []
        for start in repeated where start != previous {
            few.append(start)
            previous = start
        }
        return OverlappingPlaces(
            aligned: few, misaligned: overlapping, bits: repeatedBits, share: listShare)
    }

    /// The next aligned place after `start`, less than `distance` bytes away; nil where there is none.
    func start(after start: UInt64, within distance: UInt64) -> UInt64? {
        var place = start + length
        while place - start < distance, place < fileByteCount {
            if isTaken(place) { return place }
            place += length
        }
        return nil
    }

    /// The last aligned place before `start`, less than `distance` bytes away; nil where there is none.
    func start(before start: UInt64, within distance: UInt64) -> UInt64? {
        var place = start
        while place >= length {
            place -= length
            guard start - place < distance else { return nil }
            if isTaken(place) { return place }
        }
        return nil
    }

    /// The aligned places that a place which is not overlaps: two, or the same twice.
    private func neighbours(of start: UInt64) -> (UInt64, UInt64) {
        let remainder = remainder ?? 0
        guard start >= remainder else { return (remainder, remainder) }
        let before = start - unit.split(start - remainder).rest
        return (before, before + length)
    }

    private func isTaken(_ start: UInt64) -> Bool {
        let number = unit.split(start).number
        let word = Int(truncatingIfNeeded: number >> 6)
        return word < aligned.count && aligned[word] & 1 << (number & 63) != 0
    }

    private mutating func addMisaligned(_ start: UInt64) throws(ReadError) {
        if misaligned.count % Self.batch == 0 { try take(UInt64(Self.batch) * Self.arrayElementByteCount) }
        misaligned.append(start)
    }

    private mutating func noteRepeated(_ start: UInt64) throws(ReadError) {
        if repeatedBits == nil, repeated.count < Self.batch {
            repeated.append(start)
            return
        }
        if repeatedBits == nil {
            let bitsShare = BudgetShare(of: budget)
            try bitsShare.take(UInt64(aligned.count) * 8, for: purpose)
            var bits = OverlappingPlaces.Bits(
                unit: unit, remainder: remainder ?? 0, wordCount: aligned.count, share: bitsShare)
            for place in repeated { bits.set(place) }
            repeatedBits = bits
            repeated = []
        }
        repeatedBits?.set(start)
    }

    private func takeBatch(_ share: BudgetShare) throws(ReadError) {
        try share.take(UInt64(Self.batch) * Self.arrayElementByteCount, for: purpose)
    }
}

extension [UInt64] {
    /// Ascending, in a time that grows with the count alone.
    func radixSorted() -> [UInt64] {
        guard let highest = self.max() else { return [] }
        guard count > 1_024 else { return sorted() }
        var from = self
        var to = [UInt64](repeating: 0, count: count)
        var shift: UInt64 = 0
        while shift < 64, highest >> shift > 0 {
            var places = [Int](repeating: 0, count: 1 << 16)
            for value in from { places[Int(value >> shift & 0xffff)] += 1 }
            var sum = 0
            for digit in places.indices {
                (places[digit], sum) = (sum, sum + places[digit])
            }
            for value in from {
                let digit = Int(value >> shift & 0xffff)
                to[places[digit]] = value
                places[digit] += 1
            }
            swap(&from, &to)
            shift += 16
        }
        return from
    }
}
