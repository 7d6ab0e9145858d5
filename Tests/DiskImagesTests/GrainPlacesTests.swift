// Tests of finding places that are named twice: what it costs, and what becomes of it where a table cannot be read.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization
import TestSupport
import Testing

@testable import DiskImages

@Suite("Finding grains that are named twice")
struct GrainPlacesTests {
    /// Four tables, the first of which was moved to the end of the file.
    private func image() -> BuiltImage {
        var image = MonolithicSparseBuilder(Array(repeating: .text, count: 64)).with {
            $0.entriesPerTable = 16
            $0.hasRedundantDirectory = false
        }.build()
        let table = image.places.tables[0] ?? 0
        image.setDirectoryEntry(0, to: UInt32(image.bytes.count / 512))
        image.bytes += Array(image.bytes[table..<(table + 512)])
        return image
    }

    @Test("a table that cannot be read takes what it maps along and nothing else, until it can be read")
    func unreadableTable() throws {
        let image = image()
        let file = BreakableSource(image.source, badFrom: UInt64(image.bytes.count - 512))
        let opened = try OpenedImage(file)
        file.isBroken.store(true, ordering: .relaxed)
        #expect(opened.violations(image, damaged: [image.guestRange(ofTable: 0)]) == [])
        let storage = try opened.image.extent(containing: 0).storage
        #expect(storage == .damaged(FailingSource.failure))
        let before = file.bytesRead
        for offset in image.guestRange(ofTable: 1) where offset % 512 == 0 {
            _ = try opened.image.extent(containing: offset)
        }
        #expect(file.bytesRead == before)
        file.isBroken.store(false, ordering: .relaxed)
        _ = try opened.image.extent(containing: 0)
        #expect(file.bytesRead - before <= 512)
        #expect(opened.violations(image) == [])
    }

    @Test("a table on a bad sector keeps no image from being opened; a finding says what is lost")
    func badSector() throws {
        let image = image()
        let place = UInt64(image.bytes.count - 512)
        let opened = try OpenedImage(FailingSource(image.source, failingIn: place..<(place + 1)))
        #expect(opened.image.warnings == ["1 of 4 grain tables cannot be read: what they map answers EIO"])
        #expect(opened.violations(image, damaged: [image.guestRange(ofTable: 0)]) == [])
        #expect(opened.image.allocationIsEstimate)
    }

    @Test(
        "where a table or its copy is on a bad sector, the other one is read, however far apart they are",
        arguments: [true, false], [false, true])
    func badSectorOfTwo(isFirst: Bool, isLenient: Bool) throws {
        // Tables of 64 KiB, so that table and copy are not one read.
        for entriesPerTable in [16, 16_384] {
            let image = MonolithicSparseBuilder(Array(repeating: .text, count: 64)).with {
                $0.entriesPerTable = entriesPerTable
                $0.grainSizeInSectors = 1
            }.build()
            let tables = isFirst ? image.places.tables : image.places.redundantTables
            let place = UInt64(try #require(tables[0]))
            let file = FailingSource(image.source, failingIn: place..<(place + 1))
            let opened = try OpenedImage(file, options: .init(lenient: isLenient))
            #expect(opened.violations(image) == [])
            #expect(opened.image.warnings == [])
        }
    }

    @Test("a directory on a bad sector gives way to the redundant one")
    func badDirectory() throws {
        let image = MonolithicSparseBuilder.usual().build()
        for place in [image.places.directory, try #require(image.places.redundantDirectory)] {
            let bad = UInt64(place)..<UInt64(place + 1)
            let opened = try OpenedImage(FailingSource(image.source, failingIn: bad))
            #expect(opened.violations(image) == [])
            #expect(opened.image.warnings.count == 1)
        }
    }

    @Test("a grain that an unreadable table names, too, is served until that is known, and not from then on")
    func namedByUnreadable() throws {
        var image = image()
        let table = image.bytes.count - 512
        let grain = image.entryOffset(ofGrain: 16)
        image.bytes.replaceSubrange(table..<(table + 4), with: image.bytes[grain..<(grain + 4)])
        let file = BreakableSource(image.source, badFrom: UInt64(table))
        let opened = try OpenedImage(file)
        file.isBroken.store(true, ordering: .relaxed)
        #expect(opened.violations(image, damaged: [image.guestRange(ofTable: 0)]) == [])
        file.isBroken.store(false, ordering: .relaxed)
        _ = try opened.image.extent(containing: 0)
        #expect(
            opened.violations(
                image, damaged: [image.guestRange(ofGrain: 0), image.guestRange(ofGrain: 16)]) == [])
    }

    @Test("where more tables cannot be read than a damaged disk has, nothing is served until they can")
    func sourceAway() throws {
        let count = GrainPlaces.maximumUnreadCount + 2
        let image = MonolithicSparseBuilder(Array(repeating: .text, count: count)).with {
            $0.entriesPerTable = 1
            $0.grainSizeInSectors = 1
            $0.hasRedundantDirectory = false
        }.build()
        let first = UInt64(try #require(image.places.tables[0]))
        let last = UInt64(try #require(image.places.tables[count - 1]))
        let file = BreakableSource(image.source, badFrom: first, to: last)
        let opened = try OpenedImage(file)
        file.isBroken.store(true, ordering: .relaxed)
        let offset = image.guestRange(ofTable: count - 1).lowerBound
        #expect(try opened.image.extent(containing: offset).storage == .damaged(FailingSource.failure))
        file.isBroken.store(false, ordering: .relaxed)
        #expect(opened.violations(image) == [])
    }

    @Test("a thread that may not wait leaves the tables to one that may")
    func impatient() throws {
        let image = image()
        let opened = try OpenedImage(image.source)
        let offset = image.guestRange(ofTable: 1).lowerBound
        for patience in [Patience.decodes, .usesCacheOnly] {
            #expect(throws: ReadError.wouldWait) {
                try patience.during { () throws(ReadError) in try opened.image.extent(containing: offset) }
            }
        }
        _ = try opened.image.extent(containing: offset)
        #expect(throws: Never.self) {
            try Patience.decodes.during { () throws(ReadError) in try opened.image.extent(containing: offset)
            }
        }
    }

    @Test("a disk that opens can be read, however many are opened after it")
    func reservedAtOpen() throws {
        let image = MonolithicSparseBuilder(Array(repeating: .text, count: 16)).with {
            $0.entriesPerTable = 16
            $0.hasRedundantDirectory = false
        }.build()
        // A list of places for a file of this length: 64 KiB.
        let file = try ConcatenatedSource(
            [image.source, ZeroSource(byteCount: 64 << 30)], named: "disk.vmdk")
        let budget = OpeningBudget(byteLimit: 100 << 10)
        do {
            let opened = try OpenedImage(file, options: .init(budget: budget))
            let error = #expect(throws: ReadError.self) {
                try OpenedImage(file, options: .init(budget: budget))
            }
            #expect(error?.description.contains("the map of used places of disk.vmdk") == true)
            #expect(try opened.disk.bytes(image.guest.count, at: 0) == image.guest)
            // The map is gone when it was looked at.
            #expect(throws: Never.self) { try OpenedImage(file, options: .init(budget: budget)) }
        }
        #expect(budget.usedByteCount == 0)
    }

    @Test("an amount of data that could not be counted is counted when it can be")
    func allocation() throws {
        let image = image()
        let file = BreakableSource(image.source, badFrom: UInt64(image.bytes.count - 512))
        let opened = try OpenedImage(file).image
        file.isBroken.store(true, ordering: .relaxed)
        #expect(opened.allocationIsEstimate)
        file.isBroken.store(false, ordering: .relaxed)
        #expect(!opened.allocationIsEstimate)
        #expect(opened.allocatedByteCount == UInt64(image.guest.count))
    }

    @Test("leniently, one warning says what is missing of the file", arguments: [true, false])
    func missingOnce(isStream: Bool) throws {
        var image =
            isStream ? StreamOptimizedBuilder.usual().build() : MonolithicSparseBuilder.usual().build()
        let expected = UInt64(image.bytes.count)
        image.bytes.removeLast(5_120)
        let opened = try OpenedImage(
            image.source, options: .init(lenient: true, expectedByteCount: expected))
        let warnings = opened.image.warnings.filter { $0.contains("missing") }
        #expect(warnings == ["5120 of \(expected) bytes are missing from the file's end"])
    }
}

/// Passes everything on to another source; while it is broken, not what is between two bytes.
private final class BreakableSource: ByteSource {
    private let base: any ByteSource
    private let badRange: Range<UInt64>
    private let bytes = Atomic<Int>(0)
    let isBroken = Atomic<Bool>(false)

    var byteCount: UInt64 { base.byteCount }
    /// What was read without an error.
    var bytesRead: Int { bytes.load(ordering: .relaxed) }

    init(_ base: any ByteSource, badFrom badStart: UInt64, to badEnd: UInt64 = .max) {
        self.base = base
        badRange = badStart..<badEnd
    }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        let isBad = badRange.overlaps(offset..<(offset + UInt64(count)))
        guard !isBroken.load(ordering: .relaxed) || !isBad else {
            throw FailingSource.failure
        }
        try base.read(count, at: offset, into: &output)
        bytes.add(count, ordering: .relaxed)
    }
}
