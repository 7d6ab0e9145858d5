// Images that are made to cost memory or time.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("Images that are made to cost")
struct BombTests {
    /// A file of a header and a hole, in which a directory of `tableCount` entries lies.
    private func sparseDirectory(tableCount: UInt64) throws -> any ByteSource {
        var image = MonolithicSparseBuilder([.text]).with { $0.entriesPerTable = 1 }.build()
        image.setHeader(tableCount * 16, at: 12)
        image.setHeader(UInt32(1), at: 8)
        image.setHeader(UInt64(64), at: 56)
        return try ConcatenatedSource(
            [
                MemorySource(Array(image.bytes.prefix(512))),
                ZeroSource(byteCount: 63 * 512 + tableCount * 4 + 512),
            ], named: "disk.vmdk")
    }

    @Test("directories of many images take from one budget, and the error names what asked")
    func directories() throws {
        let file = try sparseDirectory(tableCount: 1 << 18)
        let budget = OpeningBudget(byteLimit: 4 << 20)
        var opened: [OpenedImage] = []
        var failure: ReadError?
        for _ in 0..<5 {
            do throws(ReadError) {
                opened.append(try OpenedImage(file, options: .init(lenient: true, budget: budget)))
            } catch {
                failure = error
            }
        }
        #expect((1...4).contains(opened.count))
        #expect(failure?.description.contains("grain") == true)
        guard case .overBudget = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(budget.usedByteCount <= budget.byteLimit)
        opened = []
        #expect(budget.usedByteCount == 0)
    }

    @Test("logs of many images are replayed up to a bound of all of them; what exceeds it is refused by name")
    func logs() throws {
        var image = VHDXBuilder([]).build()
        image.editVHDXHeaders { header in
            header.put([UInt8](repeating: 0x77, count: 16), at: 48)
            header.put(UInt32(70 << 20), at: 68)
        }
        let file = try ConcatenatedSource(
            [MemorySource(image.bytes), ZeroSource(byteCount: 80 << 20)], named: "disk.vhdx")
        let budget = OpeningBudget()
        // It has a log, in which there is nothing.
        let first = #expect(throws: ReadError.self) { try OpenedImage(file, options: .init(budget: budget)) }
        #expect(first?.description.contains("has no entries") == true)
        let second = #expect(throws: ReadError.self) { try OpenedImage(file, options: .init(budget: budget)) }
        #expect(second?.description.contains("bytes of logs are replayed") == true)
        let other = #expect(throws: ReadError.self) { try OpenedImage(file, options: .init()) }
        #expect(other == first)
        #expect(budget.usedByteCount == 0)
    }

    @Test(
        "a directory of one repeated entry is opened in the time of one pass, and takes no more than another",
        arguments: [64, 65, 66] as [UInt32])
    func repeatedTable(first: UInt32) throws {
        let tableCount = 1 << 17
        var image = MonolithicSparseBuilder([.text]).with {
            $0.entriesPerTable = 512
            $0.hasRedundantDirectory = false
        }.build()
        image.bytes.append(contentsOf: [UInt8](repeating: 0, count: 70 * 512 - image.bytes.count))
        image.setHeader(UInt64(tableCount) * 512 * 16, at: 12)
        image.setHeader(UInt64(80), at: 56)
        // Tables of four sectors: those at sector 66 are not aligned with one at sector 64.
        var entries: [UInt8] = []
        entries.append(contentsOf: [66, 0, 0, 0])
        while entries.count < tableCount * 4 { entries += entries }
        entries.put(first, at: 0)
        let file = try ConcatenatedSource(
            [image.source, ZeroSource(byteCount: 10 * 512), MemorySource(entries)], named: "disk.vmdk")
        // The directory, a decision for each table, and a list of those that are not aligned, which is sorted.
        let budget = OpeningBudget(byteLimit: UInt64(tableCount) * (4 + 1 + 32) + 131_072)
        let start = ContinuousClock.now
        let opened = try OpenedImage(file, options: .init(lenient: true, budget: budget))
        #expect(ContinuousClock.now - start < .seconds(30))
        #expect(throws: ReadError.self) { try opened.disk.bytes(1, at: opened.disk.byteCount - 1) }
        #expect(throws: ReadError.self) { try opened.disk.bytes(1, at: 0) }
    }

    @Test("a table of one repeated entry is searched in the time of one pass", arguments: [true, false])
    func repeatedEntry(isPlain: Bool) throws {
        let count = 16_384
        var image: BuiltImage
        let grains: [GrainContent] = [.text] + Array(repeating: .absent, count: count - 1)
        if isPlain {
            image = MonolithicSparseBuilder(grains).with {
                $0.entriesPerTable = count
                $0.grainSizeInSectors = 1
                $0.hasRedundantDirectory = false
            }.build()
        } else {
            image = StreamOptimizedBuilder(grains).with {
                $0.entriesPerTable = count
                $0.grainSizeInSectors = 1
                $0.flags = 0x1_0001
                $0.framing = .size
            }.build()
        }
        let entry = image.entry(ofGrain: 0)
        for grain in 1..<count { image.setEntry(ofGrain: grain, to: entry) }
        let disk = try OpenedImage(image.source).disk
        let start = ContinuousClock.now
        #expect(try disk.firstOffset(of: .hole, in: 0..<disk.byteCount) == nil)
        // 268 million comparisons of the old way take minutes in a build that is not optimised.
        #expect(ContinuousClock.now - start < .seconds(30))
        #expect(throws: ReadError.self) { try disk.bytes(1, at: 0) }
    }

    @Test("a search of a large map can be left after a bounded number of steps")
    func searchSteps() throws {
        let count = 5_000
        let image = StreamOptimizedBuilder(Array(repeating: .text, count: count)).with {
            $0.grainSizeInSectors = 1
            $0.level = 1
        }.build()
        let disk = try OpenedImage(image.source).disk
        var steps = 0
        var position: UInt64 = 0
        while case .unfinished(let next) = try disk.searchStep(for: .hole, in: position..<disk.byteCount) {
            #expect(next - position == UInt64(RegionSearch.extentsPerStep) * 512)
            position = next
            steps += 1
        }
        #expect(steps == count / RegionSearch.extentsPerStep)
        #expect(try disk.searchStep(for: .hole, in: position..<disk.byteCount) == .absent)
        #expect(try disk.searchStep(for: .data, in: 512..<disk.byteCount) == .found(at: 512))
    }

    @Test("marker scans read tables that overlap only once", arguments: [0, 1, 3] as [UInt64])
    func overlappingTables(sectorCount: UInt64) throws {
        var image = StreamOptimizedBuilder([.text]).with { $0.entriesPerTable = 65_536 }.build()
        // Markers that announce tables of 256 KiB, each a sector behind the one before.
        var marker = [UInt8](repeating: 0, count: 512)
        marker.put(sectorCount, at: 0)
        marker.put(UInt32(1), at: 12)
        image.bytes.removeLast(image.bytes.count - image.grainOffset(0))
        for _ in 0..<4_000 { image.bytes += marker }
        let start = ContinuousClock.now
        let opened = try OpenedImage(image.source, options: .init(lenient: true))
        #expect(opened.image is RecoveredStream)
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    @Test("entries of a large image beyond what is checked are refused, but leniently")
    func tooManyTables() throws {
        var image = MonolithicSparseBuilder([.text]).with {
            $0.entriesPerTable = 65_536
            $0.hasRedundantDirectory = false
        }.build()
        // 1,025 tables of 256 KiB in a hole behind the image.
        let count: UInt64 = 1_025
        let first = UInt64(image.bytes.count / 512)
        image.bytes.append(contentsOf: [UInt8](repeating: 0, count: 8_192 + 512 - Int(count * 4) % 512))
        let directory = first
        for table in 0..<count {
            image.bytes.put(UInt32(first + 1_000 + table * 512), at: Int(directory * 512 + table * 4))
        }
        image.setHeader(directory, at: 56)
        image.setHeader(count * 65_536 * 16, at: 12)
        let file = try ConcatenatedSource(
            [image.source, ZeroSource(byteCount: (count + 4) * 512 * 512)], named: "disk.vmdk")
        let error = #expect(throws: ReadError.self) { try OpenedImage(file) }
        #expect(error?.remedy == .lenient)
        let opened = try OpenedImage(file, options: .init(lenient: true))
        #expect(
            opened.image.warnings.contains { $0.contains("too many to find grains that are named twice") })
        #expect(try opened.disk.bytes(512, at: 0) == [UInt8](repeating: 0, count: 512))
    }

    @Test("missing grains and grains near the end are not compared each with each")
    func missingTimesNearEnd() throws {
        // 16,384 places of grains that end at the file's end or before it, and three times as many that name its end.
        var image = MonolithicSparseBuilder([.text]).with {
            $0.grainSizeInSectors = 16_384
            $0.entriesPerTable = 65_536
            $0.hasRedundantDirectory = false
        }.build()
        let count = 65_536
        let first = UInt32(image.grainOffset(0) / 512)
        image.bytes += [UInt8](repeating: 0, count: 8 << 20)
        let end = UInt32(image.bytes.count / 512)
        image.setHeader(UInt64(count) * 16_384, at: 12)
        for entry in 0..<count {
            let isNearEnd = entry % 4 == 0
            image.setEntry(ofGrain: entry, to: isNearEnd ? first + UInt32(entry / 4) : end)
        }
        let start = ContinuousClock.now
        let error = #expect(throws: ReadError.self) { try OpenedImage(image.source) }
        // 800 million comparisons take minutes in a build that is not optimised.
        #expect(ContinuousClock.now - start < .seconds(30))
        #expect(error?.description.contains("at least \(8 << 20) bytes are missing") == true)
    }

    /// An image of `tableCount` tables of zeros, after its data; in `isSound` is whether the file is long enough for them.
    private func tablesAfterData(_ tableCount: Int, isSound: Bool) throws -> any ByteSource {
        var image = MonolithicSparseBuilder([.text]).with {
            $0.entriesPerTable = 1
            $0.hasRedundantDirectory = false
        }.build()
        let directory = image.bytes.count
        let first = (directory + tableCount * 4) / 512 + 1
        image.bytes += [UInt8](repeating: 0, count: first * 512 - directory)
        for table in 0..<tableCount { image.bytes.put(UInt32(first + table), at: directory + table * 4) }
        image.setHeader(UInt64(directory / 512), at: 56)
        image.setHeader(UInt64(tableCount) * 16, at: 12)
        return try ConcatenatedSource(
            [image.source, ZeroSource(byteCount: isSound ? UInt64(tableCount) * 512 : 512)],
            named: "disk.vmdk")
    }

    @Test("what is listed of tables is taken from the budget, and tables that are damaged are not listed")
    func listedTables() throws {
        let tableCount: UInt64 = 1 << 15
        let sound = try tablesAfterData(1 << 15, isSound: true)
        let error = #expect(throws: ReadError.self) {
            // Enough for the directory, and not for a list of its tables.
            try OpenedImage(sound, options: .init(budget: OpeningBudget(byteLimit: tableCount * (4 + 8))))
        }
        #expect(error?.description.contains("the list of where the grain tables of disk.vmdk start") == true)
        let budget = OpeningBudget()
        do {
            let opened = try OpenedImage(sound, options: .init(budget: budget))
            #expect(try opened.disk.bytes(512, at: 0) == [UInt8](repeating: 0, count: 512))
            #expect(budget.usedByteCount >= tableCount * (4 + 8))
        }
        #expect(budget.usedByteCount == 0)
        let damaged = try tablesAfterData(1 << 15, isSound: false)
        _ = try OpenedImage(damaged, options: .init(budget: OpeningBudget(byteLimit: tableCount * (4 + 8))))
    }
}
