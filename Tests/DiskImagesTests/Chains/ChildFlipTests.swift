// Changes what describes a child: it must not become a disk of its own, with zeros for the parent's bytes.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("Each bit and byte of what describes a child, changed")
struct ChildFlipTests {
    /// A child, its parent, and what is changed.
    struct Sample: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let files: MemoryNeighbours
        let child: String
        let records: [Range<Int>]
        let unitByteCount: Int
        /// Where a record says of all blocks alike what nothing tells: offsets of bytes.
        var silent: Set<Int> = []
    }

    static let vmdk: Sample = {
        let base = MonolithicSparseBuilder(Array(repeating: .noise, count: 10)).with {
            $0.grainSizeInSectors = 1
            $0.entriesPerTable = 4
            $0.descriptor = text(contentID: "ab", parentID: "ffffffff", hint: "")
        }.build()
        let child = MonolithicSparseBuilder(GrainContent.mixed(10)).with {
            $0.grainSizeInSectors = 1
            $0.entriesPerTable = 4
            $0.descriptor = text(contentID: "2", parentID: "ab", hint: "parentFileNameHint=\"base.vmdk\"\n")
        }.build()
        return Sample(
            testDescription: "VMDK",
            files: MemoryNeighbours(files: ["c": child.bytes, "base.vmdk": base.bytes]),
            child: "c", records: [4..<80, 512..<900], unitByteCount: 512)
    }()

    private static func text(contentID: String, parentID: String, hint: String) -> String {
        "# Disk DescriptorFile\nversion=1\nCID=\(contentID)\nparentCID=\(parentID)\n"
            + "createType=\"monolithicSparse\"\n\(hint)RW 10 SPARSE \"c\"\nddb.adapterType = \"ide\"\n"
    }

    static let vhdx: Sample = {
        let parent = VHDXBuilder([.whole, .whole, .whole, .whole]).with { $0.tag = 7 }.build()
        let items = VHDXBuilder.itemsOffset
        return Sample(
            testDescription: "VHDX",
            files: MemoryNeighbours(files: ["c": VHDXCases.child.bytes, "parent.vhdx": parent.bytes]),
            child: "c", records: [items..<(items + 8)], unitByteCount: 65_536,
            // The length of a block.
            silent: Set(items..<(items + 4)))
    }()

    static let vdi: Sample = {
        let ids = (1...4).map { [UInt8](repeating: UInt8($0), count: 16) }
        var base = VDIBuilder(Array(repeating: .noise, count: 6))
        base.creation = ids[0]
        base.modification = ids[1]
        var child = VDIBuilder([.text, .absent, .noise, .absent, .zeros, .text])
        child.type = 4
        child.creation = ids[2]
        child.modification = ids[3]
        child.parentCreation = ids[0]
        child.parentModification = ids[1]
        return Sample(
            testDescription: "VDI",
            files: MemoryNeighbours(files: ["c": child.build().bytes, "p": base.build().bytes]), child: "c",
            records: [68..<80, 392..<456], unitByteCount: 4_096)
    }()

    @Test("is refused, or read right", arguments: [vmdk, vhdx, vdi])
    func changes(sample: Sample) throws {
        let expected = try sample.files.disk(sample.child)
        let guest = try expected.bytes(Int(expected.byteCount), at: 0)
        let bytes = try #require(sample.files.files[sample.child])
        var changeCount = 0
        var wrong: Set<Int> = []
        for offset in sample.records.flatMap(Array.init) where !sample.silent.contains(offset) {
            let values = (0..<8).map { bytes[offset] ^ 1 << UInt8($0) } + [0]
            for value in values where value != bytes[offset] {
                var files = sample.files
                files.files[sample.child]?[offset] = value
                changeCount += 1
                if isWrong(files, sample, guest) { wrong.insert(offset) }
            }
        }
        #expect(changeCount > 30)
        #expect(wrong == [])
    }

    private func isWrong(_ files: MemoryNeighbours, _ sample: Sample, _ guest: [UInt8]) -> Bool {
        guard let disk = try? files.disk(sample.child), disk.image.format != .raw else { return false }
        // A disk of another size is said to be one by its descriptor.
        if disk.byteCount != UInt64(guest.count) {
            return !disk.warnings.contains { $0.contains("sectors, the header") }
        }
        for start in stride(from: 0, to: guest.count, by: sample.unitByteCount) {
            let end = min(start + sample.unitByteCount, guest.count)
            guard let found = try? disk.bytes(end - start, at: UInt64(start)) else { continue }
            if found[...] != guest[start..<end] { return true }
        }
        return false
    }
}
