// Tests of what a differencing VHDX says of its parent, and of disks with one.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("The parent of a VHDX")
struct VHDXParentTests {
    private static let linkage = "{04030201-0605-0807-090a-0b0c0d0e0f10}"

    private func parent(_ pairs: [(String, String)]) throws -> ParentReference? {
        let builder = VHDXBuilder([.absent]).with { $0.parent = pairs.map { (key: $0.0, value: $0.1) } }
        return try builder.build().openAlone().parent
    }

    @Test("names come in the order relative, volume, absolute, of each the last component")
    func order() throws {
        let found = try parent([
            ("absolute_win32_path", "\\\\?\\C:\\disks\\three.vhdx"), ("parent_linkage", Self.linkage),
            ("volume_path", "\\\\?\\Volume{26A21BDA-A627-11D7-9931-806E6F6E6963}\\two.vhdx"),
            ("relative_path", "..\\one.vhdx"), ("something", "else"),
        ])
        #expect(
            found?.names.map { String(decoding: $0, as: UTF8.self) } == [
                "one.vhdx", "two.vhdx", "three.vhdx",
            ])
        #expect(found?.identities == [.vhdx([UInt8](1...16))])
    }

    @Test("either linkage may be the parent's, in any case; zeros are none")
    func linkages() throws {
        let other = "{FFFFFFFF-0000-1111-2222-ABCDEFabcdef}"
        let bytes: [UInt8] = [
            255, 255, 255, 255, 0, 0, 0x11, 0x11, 0x22, 0x22, 0xab, 0xcd, 0xef, 0xab, 0xcd, 0xef,
        ]
        let both = try parent([
            ("relative_path", "a"), ("parent_linkage2", other), ("parent_linkage", Self.linkage.uppercased()),
        ])
        #expect(both?.identities == [.vhdx([UInt8](1...16)), .vhdx(bytes)])
        let second = try parent([
            ("relative_path", "a"), ("parent_linkage2", other),
            ("parent_linkage", "{00000000-0000-0000-0000-000000000000}"),
        ])
        #expect(second?.identities == [.vhdx(bytes)])
    }

    @Test(
        "a linkage that is none is refused: which state of the parent is meant is not known",
        arguments: [
            "", "{}", "04030201-0605-0807-090a-0b0c0d0e0f10", "{04030201-0605-0807-090a-0b0c0d0e0f1}",
            "{0403020-10605-0807-090a-0b0c0d0e0f10}", "{g4030201-0605-0807-090a-0b0c0d0e0f10}",
            "{04030201060508070-90a0b0c0d0e0f10---}", "{00000000-0000-0000-0000-000000000000}",
        ])
    func noLinkage(text: String) throws {
        let error = #expect(throws: ReadError.self) {
            try parent([("relative_path", "a"), ("parent_linkage", text)])
        }
        #expect(error?.description.contains("which state of the parent") == true)
    }

    @Test("a locator of another type, without a name, or that reaches past its end is refused")
    func broken() throws {
        let named = VHDXBuilder.child
        let other = named.with { $0.parentLocatorType = "{b04aefb7-d19e-4a81-b789-25b8e9445914}" }
        #expect(throws: ReadError.self) {
            try OpenedImage(other.build().source, neighbours: BlankParents.all)
        }
        #expect(throws: ReadError.self) { try parent([("parent_linkage", Self.linkage)]) }
        #expect(throws: ReadError.self) {
            try parent([("relative_path", "x\\"), ("parent_linkage", Self.linkage)])
        }
        let disk = named.build()
        // Behind four items of 36 bytes: places of the first key, its value, and their lengths.
        let locator = VHDXBuilder.itemsOffset + 8 + 8 + 4 + 4 + 16
        for (offset, byteCount) in [(18, 2), (20, 4), (24, 4), (28, 2), (30, 2)] {
            var bytes = disk.bytes
            bytes.put([UInt8](repeating: 0xff, count: byteCount), at: locator + offset)
            #expect(throws: ReadError.self) {
                try OpenedImage(MemorySource(bytes), neighbours: BlankParents.all)
            }
        }
    }

    @Test("as many pairs as there can be, all of the same bytes, are gone through in the time of one pass")
    func manyPairs() throws {
        var disk = VHDXCases.child
        let item = VHDXBuilder.itemsOffset + 40
        disk.bytes.put(UInt32(900_000), at: VHDXBuilder.metadataOffset + 32 + 5 * 32 + 20)
        disk.bytes.put(UInt16.max, at: item + 18)
        for index in 0..<65_535 {
            disk.bytes.put([0, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0xff, 0xfe, 0xff], at: item + 20 + 12 * index)
        }
        let start = ContinuousClock.now
        #expect(throws: ReadError.self) { try disk.openAlone() }
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    @Test("what a child has not is its parent's; the parent's log is replayed, too")
    func chain() throws {
        var parent = VHDXBuilder([.whole, .whole, .whole, .whole, .absent]).with { $0.tag = 7 }.build()
        var log = VHDXLogWriter()
        log.append(parent.takePages([parent.table, parent.offset(ofBlock: 2) + 4_096]))
        parent.setLog(log)
        let builder = VHDXBuilder.child.with { $0.blocks = [.whole, .absent, .part, .zero, .part] }
        let child = builder.build()
        let files = MemoryNeighbours(files: ["parent.vhdx": parent.bytes, "child.vhdx": child.bytes])
        var expected = parent.guest
        for block in 0..<5 {
            for sector in (block * 2_048)..<((block + 1) * 2_048) {
                let isOwn =
                    switch builder.blocks[block] {
                    case .whole, .zero: true
                    case .part: sector % 2_048 % 3 != 0
                    default: false
                    }
                if isOwn { expected.put(child.guest[sector * 512..<(sector + 1) * 512], at: sector * 512) }
            }
        }
        let disk = try files.disk("child.vhdx")
        #expect(try disk.bytes(expected.count, at: 0) == expected)
    }

    @Test("a parent that has been written to since is refused")
    func identity() throws {
        let changed = VHDXBuilder.usual.with { $0.dataWriteIdentifier = [UInt8](2...17) }.build()
        let files = MemoryNeighbours(files: [
            "parent.vhdx": changed.bytes, "child.vhdx": VHDXCases.child.bytes,
        ])
        #expect(throws: ReadError.self) { try files.disk("child.vhdx") }
        let alone = MemoryNeighbours(files: ["child.vhdx": VHDXCases.child.bytes])
        #expect(throws: ReadError.self) { try alone.disk("child.vhdx") }
    }
}
