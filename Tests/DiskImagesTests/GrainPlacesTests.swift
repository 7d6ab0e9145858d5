// Tests of finding places that are named twice: what it costs, and what becomes of it where a table cannot be read.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization
import TestSupport
import Testing

@testable import DiskImages

@Suite("Finding grains that are named twice", .timeLimit(.minutes(1)))
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

    @Test("a table that cannot be read makes no read start over, and when it can, all is read")
    func unreadableTable() throws {
        let image = image()
        let file = BreakableSource(image.source, badFrom: UInt64(image.bytes.count - 512))
        let opened = try OpenedImage(file)
        file.isBroken.store(true, ordering: .relaxed)
        let offset = image.guestRange(ofTable: 1).lowerBound
        #expect(throws: FailingSource.failure) { try opened.image.extent(containing: offset) }
        let before = file.bytesRead
        for _ in 0..<5 {
            #expect(throws: FailingSource.failure) { try opened.image.extent(containing: offset) }
        }
        #expect(file.bytesRead == before)
        file.isBroken.store(false, ordering: .relaxed)
        _ = try opened.image.extent(containing: offset)
        #expect(file.bytesRead - before <= 512)
        #expect(opened.violations(image) == [])
    }

    @Test("a thread that may not wait leaves the tables to one that may")
    func impatient() throws {
        let image = image()
        let file = BreakableSource(image.source, badFrom: UInt64(image.bytes.count - 512))
        let opened = try OpenedImage(file)
        file.isBroken.store(true, ordering: .relaxed)
        let offset = image.guestRange(ofTable: 1).lowerBound
        // The grain's own table is in memory from now on.
        #expect(throws: FailingSource.failure) { try opened.image.extent(containing: offset) }
        for patience in [Patience.decodes, .usesCacheOnly] {
            #expect(throws: ReadError.wouldWait) {
                try patience.during { () throws(ReadError) in try opened.image.extent(containing: offset) }
            }
        }
        file.isBroken.store(false, ordering: .relaxed)
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

/// Passes everything on to another source; while it is broken, not what is after some byte.
private final class BreakableSource: ByteSource {
    private let base: any ByteSource
    private let badStart: UInt64
    private let bytes = Atomic<Int>(0)
    let isBroken = Atomic<Bool>(false)

    var byteCount: UInt64 { base.byteCount }
    /// What was read without an error.
    var bytesRead: Int { bytes.load(ordering: .relaxed) }

    init(_ base: any ByteSource, badFrom badStart: UInt64) {
        self.base = base
        self.badStart = badStart
    }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        guard !isBroken.load(ordering: .relaxed) || offset + UInt64(count) <= badStart else {
            throw FailingSource.failure
        }
        try base.read(count, at: offset, into: &output)
        bytes.add(count, ordering: .relaxed)
    }
}
