// Tests of what is read, leniently, of a stream whose end is missing.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("A stream that is cut short")
struct RecoveredStreamTests {
    private let lenient = DiskImageOpener.Options(lenient: true)

    /// Guest bytes of grains that were neither found nor known to be zeros.
    private func unknown(_ image: BuiltImage, foundBefore end: Int, knownTables: Set<Int>) -> [Range<UInt64>]
    {
        (0..<image.guest.count / image.grainByteCount).filter { grain in
            let isFound = image.places.grains[grain].map {
                $0 + (image.places.storedByteCounts[grain] ?? 0) <= end
            }
            return isFound != true && !knownTables.contains(grain / image.entriesPerTable)
        }.map { image.guestRange(ofGrain: $0) }
    }

    @Test("without the footer, the directory is found by its marker and everything is read")
    func footerGone() throws {
        var image = StreamOptimizedBuilder.usual().build()
        image.bytes.removeLast(1024)
        let opened = try OpenedImage(image.source, options: lenient)
        #expect(opened.violations(image) == [])
        #expect(opened.image.warnings.contains { $0.contains("at least 1024 bytes are missing") })
    }

    @Test("with a directory entry that points nowhere behind a marker, the directory is not believed")
    func directoryNotBelieved() throws {
        var image = StreamOptimizedBuilder.usual().build()
        image.setDirectoryEntry(1, to: UInt32(image.grainOffset(0) / 512))
        image.bytes.removeLast(1024)
        let opened = try OpenedImage(image.source, options: lenient)
        // All three tables are there, and say which part of the disk they are for.
        #expect(opened.violations(image) == [])
        #expect(opened.image is RecoveredStream)
    }

    @Test("cut at any place: what was found is read, what a table proves is zeros, and the rest fails")
    func cutAnywhere() throws {
        let whole = StreamOptimizedBuilder.usual().build()
        let start = whole.grainOffset(0)
        for end in stride(from: start, to: whole.places.directory, by: 1_531) {
            var image = whole
            image.bytes.removeLast(image.bytes.count - end)
            let known = whole.places.tables.filter { $0.value + 512 <= end }
            let opened = try OpenedImage(image.source, options: lenient)
            let damaged = unknown(whole, foundBefore: end, knownTables: Set(known.keys))
            #expect(opened.violations(whole, damaged: damaged) == [], "cut at \(end)")
            let sum = damaged.reduce(0) { $0 + UInt64($1.count) }
            #expect(opened.image.allocatedByteCount >= sum)
        }
    }

    @Test("damage in the middle ends the walk: what follows could be a piece of another image")
    func damageInTheMiddle() throws {
        var image = StreamOptimizedBuilder.usual().build()
        image.bytes.removeLast(1024)
        image.bytes.put(UInt32.max, at: image.grainOffset(20) + 8)
        let opened = try OpenedImage(image.source, options: lenient)
        let damaged = unknown(image, foundBefore: image.grainOffset(20), knownTables: [0])
        #expect(opened.violations(image, damaged: damaged) == [])
    }

    @Test("a grain that two markers claim is read from neither")
    func claimedTwice() throws {
        var image = StreamOptimizedBuilder.usual { $0.grains[1] = .text }.build()
        image.bytes.put(UInt64(0), at: image.grainOffset(1))
        image.bytes.removeLast(1024)
        image.setDirectoryEntry(0, to: 1)
        let opened = try OpenedImage(image.source, options: lenient)
        // Table 0 no longer agrees with the grains that were found, so it proves nothing.
        let lost = (0..<16).filter { [0, 1].contains($0) || image.places.grains[$0] == nil }
        #expect(opened.violations(image, damaged: lost.map { image.guestRange(ofGrain: $0) }) == [])
    }

    @Test("without lenient, it is not opened, and the error says what is missing")
    func strict() throws {
        var image = StreamOptimizedBuilder.usual().build()
        let byteCount = UInt64(image.bytes.count)
        image.bytes.removeLast(5_000)
        let error = #expect(throws: ReadError.self) {
            try OpenedImage(image.source, options: .init(expectedByteCount: byteCount))
        }
        #expect(
            "\(error.map(String.init(describing:)) ?? "")".contains("5000 of \(byteCount) bytes are missing"))
    }

    @Test("an image that opens although it is shorter than it should be says so")
    func shorterThanExpected() throws {
        let image = StreamOptimizedBuilder.usual { $0.directoryPlace = .front }.build()
        let options = DiskImageOpener.Options(expectedByteCount: UInt64(image.bytes.count) + 7)
        let opened = try OpenedImage(image.source, options: options)
        #expect(
            opened.image.warnings.contains { $0.contains("7 of \(image.bytes.count + 7) bytes are missing") })
    }

    @Test("lenient changes nothing for an image that is in order")
    func inOrder() throws {
        let image = StreamOptimizedBuilder.usual().build()
        let opened = try OpenedImage(image.source, options: lenient)
        #expect(opened.violations(image) == [])
        #expect(opened.image.warnings == [])
    }

    @Test("a plain image has no markers to recover from")
    func plain() {
        var image = MonolithicSparseBuilder.usual { $0.hasRedundantDirectory = false }.build()
        image.setHeader(UInt64(1 << 40), at: 56)
        #expect(throws: ReadError.self) { try OpenedImage(image.source, options: lenient) }
    }

    @Test("a source that cannot be read is no reason to recover")
    func unreadable() {
        let image = StreamOptimizedBuilder.usual { $0.trailer = [UInt8](repeating: 0, count: 100_000) }
            .build()
        let end = image.source.byteCount
        let file = FailingSource(image.source, failingIn: (end - 1)..<end)
        #expect(throws: FailingSource.failure) { try OpenedImage(file, options: lenient) }
    }
}
