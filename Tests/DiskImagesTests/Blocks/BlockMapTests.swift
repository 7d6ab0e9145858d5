// Tests of the map of formats with one table.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("Formats with one table")
struct BlockMapTests {
    /// Which of `places` overlap, as a sum over all pairs.
    private func overlaps(of places: [UInt64?], _ length: UInt64) -> [Bool] {
        places.enumerated().map { index, place in
            guard let place else { return false }
            return places.enumerated().contains { other, otherPlace in
                guard other != index, let otherPlace else { return false }
                return max(place, otherPlace) - min(place, otherPlace) < length
            }
        }
    }

    private func found(_ places: [UInt64?], _ length: UInt64, file: UInt64) throws -> [Bool] {
        let overlaps = try overlaps(places, length, file: file, budget: OpeningBudget())
        return places.map { $0.map(overlaps.contains) ?? false }
    }

    private func overlaps(
        _ places: [UInt64?], _ length: UInt64, file: UInt64, budget: OpeningBudget
    ) throws -> OverlappingPlaces {
        var map = try PlaceMap(
            ofFileOf: file, places: length, atMost: UInt64(places.count), budget: budget, for: "places")
        for case let place? in places { try map.add(place) }
        return try map.overlaps()
    }

    /// A file of the length of the places is looked at by a map of bits, a huge one by a sorted list.
    @Test("overlaps are those that a comparison of all pairs finds", arguments: [false, true])
    func overlaps(isHuge: Bool) throws {
        var random = SeededRandom(seed: 20_261_121)
        var overlapCount = 0
        for round in 0..<400 {
            let length = [1, 2, 7, 512, 4_096, 4_608, 32_256][round % 7] as UInt64
            let count = Int.random(in: 0...40, using: &random)
            let room = UInt64(count + 1) * length * UInt64.random(in: 1...4, using: &random)
            let unit = round.isMultiple(of: 2) ? 1 : length
            let places: [UInt64?] = (0..<count).map { _ in
                Int.random(in: 0..<5, using: &random) == 0
                    ? nil : UInt64.random(in: 0...(room / unit), using: &random) * unit
            }
            let file = isHuge ? 1 << 50 : room + length
            let expected = overlaps(of: places, length)
            overlapCount += expected.count { $0 }
            #expect(try found(places, length, file: file) == expected, "round \(round)")
        }
        #expect(overlapCount > 500)
    }

    @Test("what comparing takes goes back, and what overlaps is kept only where it does")
    func budget() throws {
        let budget = OpeningBudget()
        let none = try overlaps(
            (0..<10_000).map { $0 * 512 }, 512, file: 1 << 50, budget: budget)
        #expect(!none.contains(0))
        #expect(budget.usedByteCount == 0)
        let all = try overlaps((0..<10_000).map { $0 * 511 }, 512, file: 1 << 50, budget: budget)
        #expect(all.contains(0) && all.contains(9_999 * 511) && !all.contains(1))
        #expect(budget.usedByteCount > 0 && budget.usedByteCount <= 20_000 * 16)
    }

    @Test("a table that takes more than is left of the memory for opening is refused")
    func tableBudget() throws {
        let image = VDIBuilder(Array(repeating: .absent, count: 5_000)).build()
        let options = DiskImageOpener.Options(budget: OpeningBudget(byteLimit: 10_000))
        let error = #expect(throws: ReadError.self) { try OpenedImage(image.source, options: options) }
        guard case .overBudget = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(options.budget.usedByteCount == 0)
    }

    /// Entries in groups of 3 with one of another kind behind each group; an odd number is absent.
    private struct Grouped: BlockFormat {
        let blocksPerGroup: UInt64? = 3

        func meaning(of entry: UInt64, block index: UInt64) -> BlockEntry {
            entry % 2 == 1 ? .absent : .stored(at: 1_024 + entry * 256)
        }
    }

    private func grouped(
        _ entries: [UInt64], virtualByteCount: UInt64, _ encoding: EntryTable.Encoding = .bigEndian64
    ) throws -> BlockMap<Grouped> {
        var bytes = [UInt8](repeating: 0, count: 8_192)
        for (index, entry) in entries.enumerated() { bytes.put(entry.bigEndian, at: index * 8) }
        let reader = try OpeningReader(MemorySource(bytes), named: "disk")
        let cache = ClusterCache(byteLimit: 8 << 20)
        let geometry = BlockGeometry(virtualByteCount: virtualByteCount, blockByteCount: 512)
        return try BlockMap(
            Grouped(),
            table: try EntryTable(
                named: "table", at: 0, entryCount: UInt64(entries.count), encoding: encoding, by: reader,
                pages: TableCache(of: reader.source, in: cache, for: cache.makeDiskNumber()),
                budget: OpeningBudget()),
            geometry: geometry, rules: PlaceRules(fileByteCount: 8_192, dataStart: 1_024), of: reader,
            budget: OpeningBudget())
    }

    @Test("entries of another kind between those of blocks are left out")
    func groups() throws {
        let map = try grouped([0, 2, 1, 99, 1, 1, 4, 98, 1], virtualByteCount: 7 * 512)
        var found: [Extent.Storage] = []
        var position: UInt64 = 0
        while position < 7 * 512 {
            let extent = try map.extent(containing: position)
            #expect(extent.guestOffset == position)
            found.append(extent.storage)
            position = extent.guestEnd
        }
        // A run of absent blocks ends where the entry of another kind is.
        #expect(
            found == [
                .stored(at: 1_024), .stored(at: 1_536), .absent, .absent, .stored(at: 2_048), .absent,
            ])
        #expect(try map.entry(ofBlock: 5) == 4)
        #expect(map.allocatedByteCount == 3 * 512)
    }

    @Test("a disk longer than any file is refused")
    func longest() throws {
        let error = #expect(throws: ReadError.self) {
            try grouped([1], virtualByteCount: UInt64(Int64.max) + 1)
        }
        #expect(error?.description.contains("more than a file can have") == true)
    }

    @Test("a table that is not held is read in pages and answers as one that is")
    func pages() throws {
        // 9 Mi entries of 4 bytes are more than what is held.
        let count = 9 << 20
        let table = MemorySource([UInt8](repeating: 0xff, count: count * 4))
        var head = VDIBuilder([.absent]).build().bytes
        head.removeLast(head.count - 512)
        head.put(UInt64(count) * 4_096, at: 368)
        head.put(UInt32(count), at: 384)
        head.put(UInt32(512 + count * 4), at: 344)
        var tail = [UInt8](repeating: 0, count: 4_096 * 2)
        tail.put(Array("block one".utf8), at: 4_096)
        var entries = [UInt8](repeating: 0xff, count: 8)
        entries.put(UInt32(1), at: 4)
        let file = CountingSource(
            try ConcatenatedSource(
                [
                    MemorySource(head),
                    try SubrangeSource(of: table, from: 0, byteCount: UInt64(count * 4 - 8), named: "map"),
                    MemorySource(entries), MemorySource(tail),
                ], named: "disk"))
        let options = DiskImageOpener.Options(budget: OpeningBudget())
        let opened = try OpenedImage(file, options: options)
        #expect(opened.image.virtualByteCount == UInt64(count) * 4_096)
        #expect(opened.image.allocationIsEstimate)
        // What each image takes beside its tables.
        #expect(options.budget.usedByteCount <= 128 << 10)
        #expect(file.bytesRead < 100_000)
        let last = UInt64(count - 1) * 4_096
        #expect(try opened.disk.bytes(9, at: last) == Array("block one".utf8))
        #expect(try opened.disk.bytes(512, at: last - 512) == [UInt8](repeating: 0, count: 512))
        #expect(file.bytesRead < 300_000)
        let extent = try opened.image.extent(containing: 0)
        #expect(extent.storage == .absent && extent.byteCount == 512 * 4_096)
    }
}
