// Which places in a file overlap, of those that tables name.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Gathers the places of grains, clusters, blocks or tables, all of one length, and finds those that overlap: one of
/// two is wrong then, and nobody knows which. Uses one bit for each place that the file has room for, and sixteen
/// bytes for each that is not aligned with the others; all of it from the budget.
struct PlaceMap {
    /// Logarithm of the length of a place.
    private let shift: UInt64
    private let purpose: String
    private let share: BudgetShare
    /// What was taken through `share` and is not used yet, in bytes.
    private var unusedByteCount: UInt64
    private let overlapShare: BudgetShare
    private let fileByteCount: UInt64
    /// What the start of the first place leaves when it is divided by the length; most of the others do, too.
    private var remainder: UInt64?
    /// A bit for each place that leaves the same remainder; empty where places are only listed.
    private var aligned: [UInt64]
    private var misaligned: [UInt64] = []
    private var overlapping: Set<UInt64> = []

    /// Elements that are taken from the budget at once.
    private static let batch = 4_096
    /// What an element of a growing array, and of a set, takes at most, in bytes.
    private static let arrayElementByteCount: UInt64 = 16
    private static let setElementByteCount: UInt64 = 32
    /// What sorting takes for an element, which it copies twice.
    private static let sortedElementByteCount: UInt64 = 16

    /// A map of a file of `fileByteCount` bytes, for places of `byteCount` bytes, a power of two. Where only `count` of them
    /// come, and that is few for such a file, they are only listed, and no neighbours are found. `purpose` is what an error
    /// of the budget names. `reserved` has `expectedByteCount` bytes for this map already.
    init(
        ofFileOf fileByteCount: UInt64, places byteCount: UInt64, atMost count: UInt64 = .max,
        budget: OpeningBudget, reserved: BudgetShare? = nil, for purpose: String
    ) throws(ReadError) {
        precondition(byteCount.nonzeroBitCount == 1, "the length of a place is a power of two")
        shift = UInt64(byteCount.trailingZeroBitCount)
        self.purpose = purpose
        share = reserved ?? BudgetShare(of: budget)
        unusedByteCount =
            reserved == nil
            ? 0 : Self.expectedByteCount(ofFileOf: fileByteCount, places: byteCount, atMost: count)
        overlapShare = BudgetShare(of: budget)
        self.fileByteCount = fileByteCount
        aligned = []
        let wordCount = Self.wordCount(ofFileOf: fileByteCount, places: byteCount)
        guard count >= wordCount / 4 else { return }
        try take(wordCount * 8)
        aligned = Array(repeating: 0, count: Int(wordCount))
    }

    private static func wordCount(ofFileOf fileByteCount: UInt64, places byteCount: UInt64) -> UInt64 {
        fileByteCount >> (UInt64(byteCount.trailingZeroBitCount) + 6) + 1
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

    private var length: UInt64 { 1 << shift }

    /// Adds the place that starts at byte `start` of the file; one that starts after its end is left out.
    mutating func add(_ start: UInt64) throws(ReadError) {
        let rest = start & (length - 1)
        guard start < fileByteCount else { return }
        let word = Int(truncatingIfNeeded: start >> (shift + 6))
        guard word < aligned.count, rest == remainder ?? rest else { return try addMisaligned(start) }
        remainder = rest
        let bit: UInt64 = 1 << (start >> shift & 63)
        if aligned[word] & bit == 0 { aligned[word] |= bit } else { try insert(start) }
    }

    /// The places that overlap others.
    mutating func overlaps() throws(ReadError) -> OverlappingPlaces {
        let scratchByteCount = UInt64(misaligned.count) * Self.sortedElementByteCount
        let takenByteCount = scratchByteCount - min(scratchByteCount, unusedByteCount)
        try share.take(takenByteCount, for: purpose)
        defer { share.giveBack(takenByteCount) }
        let sorted = misaligned.radixSorted()
        for (first, second) in zip(sorted, sorted.dropFirst()) where second - first < length {
            try insert(first)
            try insert(second)
        }
        for start in sorted {
            for neighbour in neighbours(of: start) where isTaken(neighbour) {
                try insert(start)
                try insert(neighbour)
            }
        }
        return OverlappingPlaces(starts: overlapping, share: overlapShare)
    }

    /// The next aligned place after `start`, less than `distance` bytes away; nil where there is none.
    func start(after start: UInt64, within distance: UInt64) -> UInt64? {
        var place = start + length
        while place - start < distance, place >> (shift + 6) < UInt64(aligned.count) {
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

    /// The aligned places that a place which is not overlaps.
    private func neighbours(of start: UInt64) -> [UInt64] {
        let remainder = remainder ?? 0
        guard start >= remainder else { return [remainder] }
        let before = (start - remainder) & ~(length - 1) + remainder
        return [before, before + length]
    }

    private func isTaken(_ start: UInt64) -> Bool {
        let word = Int(truncatingIfNeeded: start >> (shift + 6))
        return word < aligned.count && aligned[word] & 1 << (start >> shift & 63) != 0
    }

    private mutating func addMisaligned(_ start: UInt64) throws(ReadError) {
        if misaligned.count % Self.batch == 0 {
            try take(UInt64(Self.batch) * Self.arrayElementByteCount)
        }
        misaligned.append(start)
    }

    private static let setBatch = UInt64(batch) * setElementByteCount

    private mutating func insert(_ start: UInt64) throws(ReadError) {
        guard overlapping.insert(start).inserted, overlapping.count % Self.batch == 0 else { return }
        try overlapShare.take(Self.setBatch, for: purpose)
    }
}

/// The places of one file that overlap others, by where they start. Nearly always there are none.
struct OverlappingPlaces: Sendable {
    private let starts: Set<UInt64>
    /// Keeps what the set takes.
    private let share: BudgetShare?

    static let none = OverlappingPlaces(starts: [], share: nil)

    init(starts: Set<UInt64>, share: BudgetShare?) {
        self.starts = starts
        self.share = share
    }

    /// Whether the place that starts at byte `start` overlaps another one.
    func contains(_ start: UInt64) -> Bool { !starts.isEmpty && starts.contains(start) }
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
