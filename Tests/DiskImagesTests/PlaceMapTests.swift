// Tests of how places that overlap are found, against comparing each with each.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("Places that overlap")
struct PlaceMapTests {
    @Test(
        "what is found is what comparing each with each finds", arguments: 1...20 as ClosedRange<UInt64>,
        [0, UInt64.max])
    func agreement(seed: UInt64, count: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let length: UInt64 = 4_096
        let fileByteCount: UInt64 = 1 << 20
        // Mostly aligned, with some remainder; a few anywhere.
        let remainder = UInt64.random(in: 0..<8, using: &random) * 512
        let starts = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
            UInt8.random(in: 0..<4, using: &random) > 0
                ? UInt64.random(in: 0..<255, using: &random) * length + remainder
                : UInt64.random(in: 0..<2_000, using: &random) * 512
        }
        var map = try PlaceMap(
            ofFileOf: fileByteCount, places: length, atMost: count, budget: OpeningBudget(),
            for: "a test's map")
        for start in starts { try map.add(start) }
        let found = try map.overlaps()
        for (index, start) in starts.enumerated() {
            let overlaps = starts.enumerated().contains { other, place in
                other != index && max(place, start) - min(place, start) < length
            }
            #expect(found.contains(start) == overlaps, "\(start), seed \(seed)")
        }
    }

    @Test(
        "places that are named thousands of times are found as those that are named twice are",
        arguments: 1...6 as ClosedRange<UInt64>, [true, false])
    func manyTimes(seed: UInt64, isMostlyAligned: Bool) throws {
        var random = SeededRandom(seed: seed)
        let length: UInt64 = 4_096
        var counts: [UInt64: Int] = [:]
        var map = try PlaceMap(
            ofFileOf: 8 << 20, places: length, budget: OpeningBudget(), for: "a test's map")
        for _ in 0..<12_000 {
            let isAligned = (UInt8.random(in: 0..<8, using: &random) > 0) == isMostlyAligned
            let place = UInt64.random(in: 0..<2_000, using: &random) & ~3
            let start = place * length + (isAligned ? 512 : UInt64.random(in: 0..<8, using: &random) * 512)
            counts[start, default: 0] += 1
            try map.add(start)
        }
        let found = try map.overlaps()
        for start in stride(from: 0, to: 8 << 20, by: 512) as StrideTo<UInt64> {
            let near = (start < length ? 0 : start - length + 512)..<(start + length)
            let isNamed = counts[start] != nil
            let overlaps = stride(from: near.lowerBound, to: near.upperBound, by: 512).contains {
                $0 == start ? counts[start, default: 0] > 1 : counts[$0] != nil
            }
            if isNamed { #expect(found.contains(start) == overlaps, "\(start), seed \(seed)") }
            if !isNamed { #expect(!found.contains(start), "\(start), seed \(seed)") }
        }
    }

    @Test("what repeats takes a second bit for each place and no more", arguments: [512, 700] as [UInt64])
    func repeatsInBudget(start: UInt64) throws {
        // Aligned, and not: 16 bytes to list each, and as much to sort it.
        let isAligned = start % 512 == 0
        let mapByteCount: UInt64 = 257 * 8
        let count: UInt64 = 1 << 16
        let budget = OpeningBudget(
            byteLimit: isAligned ? 2 * mapByteCount : mapByteCount + count * 32 + 131_072)
        var map = try PlaceMap(ofFileOf: 8 << 20, places: 512, budget: budget, for: "a test's map")
        try map.add(0)
        for _ in 0..<count { try map.add(start) }
        let overlaps = try map.overlaps()
        #expect(overlaps.contains(start))
        #expect(!overlaps.contains(0) && !overlaps.contains(1_024))
        // They can be asked for again, after more of them.
        try map.add(0)
        #expect(try map.overlaps().contains(0))
        #expect(!overlaps.contains(0))
    }

    @Test("the map takes from the budget and gives it back")
    func budget() throws {
        let budget = OpeningBudget(byteLimit: 1 << 20)
        do {
            var map = try PlaceMap(ofFileOf: 1 << 30, places: 512, budget: budget, for: "a test's map")
            #expect(budget.usedByteCount >= 1 << 18)
            // Places that repeat and places that are not aligned take more of it, up to an error that names them.
            try map.add(0)
            let error = #expect(throws: ReadError.self) {
                for place in 0..<(1 << 20) as Range<UInt64> { try map.add(place * 512 + 1) }
            }
            #expect(error?.description.contains("a test's map") == true)
        }
        #expect(budget.usedByteCount == 0)
        #expect(throws: ReadError.self) {
            try PlaceMap(ofFileOf: 1 << 40, places: 512, budget: budget, for: "a test's map")
        }
    }

    @Test("sorting takes from the budget what it needs, and gives it back")
    func sortingInBudget() throws {
        // A map of 257 words, and one batch of places that are not aligned.
        let mapByteCount: UInt64 = 257 * 8 + 4_096 * 16
        for missing in [1, 0] as [UInt64] {
            let budget = OpeningBudget(byteLimit: mapByteCount + 4_096 * 16 - missing)
            var map = try PlaceMap(ofFileOf: 8 << 20, places: 512, budget: budget, for: "a test's map")
            try map.add(0)
            for place in 1...4_096 as ClosedRange<UInt64> { try map.add(place * 1_024 + 100) }
            if missing > 0 {
                #expect(throws: ReadError.self) { try map.overlaps() }
            } else {
                let overlaps = try map.overlaps()
                #expect(!overlaps.contains(1_124))
            }
            #expect(budget.usedByteCount == mapByteCount)
        }
    }

    @Test("a map that was reserved takes no more than that", arguments: [4_097, UInt64.max])
    func reserved(count: UInt64) throws {
        let expected = PlaceMap.expectedByteCount(ofFileOf: 16 << 30, places: 512, atMost: count)
        let budget = OpeningBudget(byteLimit: expected)
        let share = BudgetShare(of: budget)
        try share.take(expected, for: "a test's map")
        var map = try PlaceMap(
            ofFileOf: 16 << 30, places: 512, atMost: count, budget: budget, reserved: share,
            for: "a test's map")
        for place in 0..<4_097 as Range<UInt64> { try map.add(place * 512) }
        let overlaps = try map.overlaps()
        #expect(!overlaps.contains(512))
    }

    @Test("sorting by digits sorts", arguments: [0, 1, 1_000, 5_000])
    func radixSort(count: Int) {
        var random = SeededRandom(seed: 5)
        let values = (0..<count).map { _ in random.next() >> UInt64.random(in: 0..<64, using: &random) }
        #expect(values.radixSorted() == values.sorted())
    }

    @Test("neighbours of a place are found in both directions, as far as is asked")
    func neighbours() throws {
        var map = try PlaceMap(ofFileOf: 1 << 20, places: 512, budget: OpeningBudget(), for: "a test's map")
        for sector in [3, 10, 100] as [UInt64] { try map.add(sector * 512) }
        #expect(map.start(after: 3 * 512, within: 8 * 512) == 10 * 512)
        #expect(map.start(after: 3 * 512, within: 7 * 512) == nil)
        #expect(map.start(before: 10 * 512, within: 8 * 512) == 3 * 512)
        #expect(map.start(before: 10 * 512, within: 7 * 512) == nil)
        #expect(map.start(before: 3 * 512, within: 1 << 20) == nil)
        #expect(map.start(after: 100 * 512, within: 1 << 30) == nil)
    }
}
