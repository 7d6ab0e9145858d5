// Runs the tables of VDI, Parallels, cloop and the extents of ESX in docs/FORMATS.md.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("The tables of formats with one table, and of ESX's extents")
struct ImageCaseTests {
    private static let all =
        ImageCase.vdi + ImageCase.parallels + ImageCase.cloop + ImageCase.cowd + ImageCase.seSparse

    @Test("each row answers as its rule says", arguments: all)
    func row(_ row: ImageCase) throws {
        if case .refused(let reason) = row.expectation {
            let error = #expect(throws: ReadError.self) { try row.open() }
            let text = "\(error.map(String.init(describing:)) ?? "")"
            #expect(text.contains(reason), "\(text)")
            return
        }
        let opened = try row.open()
        var damaged: [Range<UInt64>] = []
        if case .damaged(let ranges) = row.expectation { damaged = ranges }
        // Of a disk of thousands of grains not each boundary is looked at.
        let grainCount = row.image.guest.count / row.image.grainByteCount
        #expect(
            opened.violations(
                expected: row.image.guest, damaged: damaged,
                clusterByteCount: row.image.grainByteCount * (grainCount > 1_000 ? 64 : 1)) == [])
        if let warning = row.warning {
            #expect(opened.image.warnings.contains { $0.contains(warning) }, "\(opened.image.warnings)")
        } else {
            // An entry that leads behind the end of the file is known when it is opened; nothing else is said of sound images.
            let warnings = opened.image.warnings.filter {
                damaged.isEmpty || !$0.contains(MissingEndTests.words)
            }
            #expect(warnings == [])
        }
    }

    @Test(
        "the header alone says what an opened disk does, or is refused as that is",
        arguments: all.filter { !$0.isPart })
    func header(row: ImageCase) throws {
        let reader = try OpeningReader(row.image.source, named: "disk")
        do throws(ReadError) {
            let opened = try row.open().image
            let header = try DiskImageOpener.header(reader)
            #expect(header == ImageHeader(opened.format, virtualByteCount: opened.virtualByteCount))
        } catch {
            // Damage behind the header shows only when the image is opened.
            guard let header = try? DiskImageOpener.header(reader) else { return }
            #expect(header.format != .raw)
        }
    }

    @Test("rows are told apart by their names")
    func names() {
        let names = Self.all.map(\.row)
        #expect(Set(names).count == names.count)
    }

    @Test("damage names the table and the entry's place in the file")
    func damageNamesPlace() throws {
        var image = VDIBuilder.usual().build()
        image.setEntry(ofGrain: 6, to: 0x00ff_ffff)
        let opened = try OpenedImage(image.source, named: "x.vdi")
        let error = #expect(throws: ReadError.self) { try opened.disk.bytes(1, at: 6 * 4_096) }
        guard case .corrupt(let record, let offset, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(record == "block map of x.vdi")
        #expect(offset == UInt64(image.entryOffset(ofGrain: 6)))
        #expect(reason.contains("guest byte 24576"))
    }

    @Test("what is allocated is what is stored or damaged")
    func allocation() throws {
        let vdi = try OpenedImage(VDIBuilder([.text, .absent, .zeros, .noise, .text]).build().source).image
        #expect(vdi.allocatedByteCount == 3 * 4_096)
        #expect(!vdi.allocationIsEstimate)
        let parallels = try OpenedImage(ParallelsBuilder([.text, .absent, .text]).build().source).image
        #expect(parallels.allocatedByteCount == 2 * 4_096)
        let cloop = try OpenedImage(CloopBuilder([.text, .zeros]).build().source).image
        #expect(cloop.allocatedByteCount == 2 * 4_096)
    }

    @Test("absent and zeros are told apart where the format does")
    func absence() throws {
        func storages(_ image: BuiltImage, isPart: Bool = false) throws -> [String] {
            let opened = try OpenedImage(image, isPart: isPart).image
            var result: [String] = []
            var position: UInt64 = 0
            while position < opened.virtualByteCount {
                let extent = try opened.extent(containing: position)
                switch extent.storage {
                case .absent: result.append("absent \(extent.byteCount / UInt64(image.grainByteCount))")
                case .zeros: result.append("zeros \(extent.byteCount / UInt64(image.grainByteCount))")
                default: result.append("stored")
                }
                position = extent.guestEnd
            }
            return result
        }
        let contents: [GrainContent] = [.absent, .absent, .zeros, .zeros, .absent, .zeros, .text]
        let expected = ["absent 2", "zeros 2", "absent 1", "zeros 1", "stored"]
        #expect(try storages(VDIBuilder(contents).build()) == expected)
        #expect(try storages(COWDBuilder(contents).build(), isPart: true) == expected)
        #expect(try storages(SESparseBuilder(contents).build(), isPart: true) == expected)
        #expect(try storages(MonolithicSparseBuilder(contents).build(), isPart: true) == expected)
        #expect(try storages(ParallelsBuilder(contents).build()) == ["absent 6", "stored"])
        // A directory entry of 0 is absent, too.
        let empty: [GrainContent] = Array(repeating: .absent, count: 5_000) + [.text]
        #expect(
            try storages(COWDBuilder(empty).build(), isPart: true) == ["absent 4096", "absent 904", "stored"])
    }
}
