// Which blocks of one table overlap in the file.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The blocks of an image whose places share bytes: one of two is wrong then, and nobody knows which. Nearly always there
/// are none. Places are of one length, any length, and start anywhere.
struct OverlappingBlocks: Sendable {
    /// A bit for each block; empty where no two overlap.
    private let words: [UInt64]
    /// Keeps what the bits take.
    private let share: BudgetShare?

    static let none = OverlappingBlocks(words: [], share: nil)

    /// Whether the place of `block` overlaps another one's.
    func contains(_ block: UInt64) -> Bool {
        !words.isEmpty && words[Int(block >> 6)] & 1 << (block & 63) != 0
    }

    private init(words: [UInt64], share: BudgetShare?) {
        self.words = words
        self.share = share
    }

    /// Those of blocks `0 ..< count`, each of which takes `length` bytes from `place` on; that is nil where the block is
    /// not stored, or wrong by itself, and below `fileByteCount`. `purpose` is what an error of the budget names.
    init(
        of count: UInt64, placeByteCount length: UInt64, fileByteCount: UInt64, budget: OpeningBudget,
        for purpose: String, place: (UInt64) throws(ReadError) -> UInt64?
    ) throws(ReadError) {
        let slotCount = fileByteCount / length + 1
        if length <= PlaceSlots.maximumLength, slotCount <= max(512, 2 * count) {
            let scratch = BudgetShare(of: budget)
            try scratch.take(slotCount * 8, for: purpose)
            let slots = PlaceSlots(length: length, count: Int(slotCount))
            self = try Self.found(in: slots, of: count, scratch, budget, for: purpose, place)
        } else {
            let list = PlaceList(length: length)
            self = try Self.found(in: list, of: count, BudgetShare(of: budget), budget, for: purpose, place)
        }
    }

    private static func found(
        in places: some PlaceIndex, of count: UInt64, _ scratch: BudgetShare, _ budget: OpeningBudget,
        for purpose: String, _ place: (UInt64) throws(ReadError) -> UInt64?
    ) throws(ReadError) -> Self {
        var places = places
        for block in 0..<count {
            guard let start = try place(block) else { continue }
            try places.add(start, scratch, for: purpose)
        }
        guard places.hasOverlap() else { return .none }
        let share = BudgetShare(of: budget)
        let wordCount = count / 64 + 1
        try share.take(wordCount * 8, for: purpose)
        var words = [UInt64](repeating: 0, count: Int(wordCount))
        for block in 0..<count {
            guard let start = try place(block), places.overlaps(start) else { continue }
            words[Int(block >> 6)] |= 1 << (block & 63)
        }
        return Self(words: words, share: share)
    }
}

/// Places of one length that were added, and which of them overlap.
private protocol PlaceIndex {
    mutating func add(_ start: UInt64, _ share: BudgetShare, for purpose: String) throws(ReadError)
    /// Whether any two overlap; nothing is added afterwards.
    mutating func hasOverlap() -> Bool
    /// Whether the place at `start`, one that was added, overlaps another one.
    func overlaps(_ start: UInt64) -> Bool
}

/// For a file that is about as full as the table: a slot for each stretch of the file that is as long as a place, so that two
/// places which start in one slot overlap.
private struct PlaceSlots: PlaceIndex {
    /// So that where a place starts in its slot is a number of 31 bits.
    static let maximumLength: UInt64 = 1 << 31

    private let length: UInt64
    /// 0 where no place starts, else from the lowest bit on: where the first starts, plus 1 (32 bits); where the last
    /// starts (31 bits); whether there are several.
    private var slots: [UInt64]
    private var hasSeveral = false
    private static let several: UInt64 = 1 << 63

    init(length: UInt64, count: Int) {
        self.length = length
        slots = Array(repeating: 0, count: count)
    }

    mutating func add(_ start: UInt64, _ share: BudgetShare, for purpose: String) {
        let (slot, rest) = start.quotientAndRemainder(dividingBy: length)
        let known = slots[Int(slot)]
        if known == 0 {
            slots[Int(slot)] = Self.packed(rest, rest)
        } else {
            hasSeveral = true
            slots[Int(slot)] =
                Self.packed(min(Self.first(known), rest), max(Self.last(known), rest)) | Self.several
        }
    }

    func hasOverlap() -> Bool {
        if hasSeveral { return true }
        var previous: UInt64 = 0
        for slot in slots {
            if previous != 0, slot != 0, Self.first(slot) < Self.last(previous) { return true }
            previous = slot
        }
        return false
    }

    func overlaps(_ start: UInt64) -> Bool {
        let (quotient, rest) = start.quotientAndRemainder(dividingBy: length)
        let slot = Int(quotient)
        if slots[slot] & Self.several != 0 { return true }
        if slot > 0, slots[slot - 1] != 0, rest < Self.last(slots[slot - 1]) { return true }
        return slot + 1 < slots.count && slots[slot + 1] != 0 && Self.first(slots[slot + 1]) < rest
    }

    private static func packed(_ first: UInt64, _ last: UInt64) -> UInt64 { (first + 1) | last << 32 }
    private static func first(_ slot: UInt64) -> UInt64 { slot & 0xffff_ffff - 1 }
    private static func last(_ slot: UInt64) -> UInt64 { slot >> 32 & 0x7fff_ffff }
}

/// For a file with much more room than the table has entries: the places themselves, sorted.
private struct PlaceList: PlaceIndex {
    private let length: UInt64
    /// Where places start; at last only those that overlap, ascending.
    private var starts: [UInt64] = []

    private static let batch = 4_096
    /// What an element of a growing array takes at most, and what sorting takes beside it.
    private static let elementByteCount: UInt64 = 16 + 16

    init(length: UInt64) {
        self.length = length
    }

    mutating func add(_ start: UInt64, _ share: BudgetShare, for purpose: String) throws(ReadError) {
        if starts.count % Self.batch == 0 {
            try share.take(UInt64(Self.batch) * Self.elementByteCount, for: purpose)
        }
        starts.append(start)
    }

    mutating func hasOverlap() -> Bool {
        let sorted = starts.radixSorted()
        starts.removeAll(keepingCapacity: true)
        for (index, start) in sorted.enumerated() {
            let isBefore = index + 1 < sorted.count && sorted[index + 1] - start < length
            if isBefore || index > 0 && start - sorted[index - 1] < length { starts.append(start) }
        }
        return !starts.isEmpty
    }

    func overlaps(_ start: UInt64) -> Bool {
        let index = starts.partitionPoint { $0 < start }
        return index < starts.count && starts[index] == start
    }
}
