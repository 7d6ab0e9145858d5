// Tests of what a differencing VHD says of its parent, and of disks with one.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("The parent of a VHD")
struct VHDParentTests {
    private func names(_ change: (inout VHDBuilder) -> Void) throws -> [String] {
        var builder = VHDBuilder.child
        builder.parentName = []
        change(&builder)
        let parent = try builder.build().openAlone().parent
        return (parent?.names ?? []).map { String(decoding: $0, as: UTF8.self) }
    }

    private func wide(_ text: String) -> [UInt8] { .utf16(text, highestByteFirst: false) }

    @Test("names come in the order W2ru, Unicode name, W2ku, MacX, of each the last component")
    func order() throws {
        let found = try names {
            $0.parentName = .utf16("folder\\two.vhd", highestByteFirst: true)
            $0.locators = [
                ("MacX", Array("file://localhost/Users/a/four%20%C3%A4.vhd".utf8)),
                ("W2ku", wide("C:\\disks\\three.vhd")), ("Wi2r", wide("no.vhd")),
                ("W2ru", wide(".\\one.vhd\0")),
            ]
        }
        #expect(found == ["one.vhd", "two.vhd", "three.vhd", "four ä.vhd"])
    }

    @Test("a name that is there twice is tried once; separators may be of any system")
    func separators() throws {
        #expect(
            try names { $0.locators = [("W2ru", wide("../a\\b/c.vhd")), ("W2ku", wide("/x/c.vhd"))] } == [
                "c.vhd"
            ])
        #expect(
            try names { $0.locators = [("W2ru", wide("..")), ("W2ku", wide("nbd:x"))] } == ["..", "nbd:x"])
    }

    @Test("unpaired surrogates, odd lengths, empty names and places outside of the file name nothing")
    func nothing() throws {
        let bad: [[UInt8]] = [
            [0x00, 0xd8, 0x41, 0x00], [0x41, 0x00, 0x00, 0xdc], [0x41], wide("folder\\"), [0, 0],
            [0x00, 0xdc, 0x00, 0xd8],
        ]
        for name in bad {
            #expect(try names { $0.locators = [("W2ru", name), ("W2ku", wide("good.vhd"))] } == ["good.vhd"])
        }
        #expect(
            try names {
                $0.parentName = [0xd8, 0x00, 0, 0x41]
                $0.locators = [("W2ku", wide("good.vhd"))]
            } == ["good.vhd"])
        for (offset, value) in [(592, UInt64.max), (592, 1 << 40), (584, UInt64(UInt32.max) << 32), (584, 0)]
        {
            #expect(
                try names {
                    $0.locators = [("W2ru", wide("lost.vhd")), ("W2ku", wide("good.vhd"))]
                    $0.editHeader = { header in
                        if offset == 592 {
                            header.putBigEndian(value, at: 592)
                        } else {
                            header.putBigEndian(UInt32(value >> 32), at: 584)
                        }
                    }
                } == ["good.vhd"])
        }
        let error = #expect(throws: ReadError.self) { try names { $0.locators = [("W2ru", bad[0])] } }
        #expect(error?.description.contains("nothing names that") == true)
    }

    @Test("the length is in bytes, whatever the data space says")
    func dataSpace() throws {
        for space in [UInt32(0), 1, 512, .max] {
            #expect(
                try names {
                    $0.locators = [("W2ru", wide("one.vhd"))]
                    $0.editHeader = { $0.putBigEndian(space, at: 580) }
                } == ["one.vhd"])
        }
    }

    @Test("an entry into a name of the parent is damage")
    func blockOnName() throws {
        var disk = VHDBuilder.child.with { $0.locators = [("W2ru", wide("one.vhd"))] }.build()
        disk.bytes.putBigEndian(UInt32(disk.table / 512 + 1), at: disk.table + 4)
        let opened = try OpenedImage(disk.source, neighbours: BlankParents.all)
        #expect(throws: ReadError.self) { try opened.disk.bytes(1, at: 8_192) }
    }

    @Test("what a child has not is its parent's, of any kind, down to a fixed one")
    func chain() throws {
        let base = VHDBuilder(.fixed, .init(repeating: .whole, count: 10)).with { $0.tag = 1 }
        let middle = VHDBuilder.child.with {
            $0.blocks = [.absent, .part, .part, .part, .absent, .absent, .whole, .absent, .absent, .whole]
            $0.identifier = [UInt8](21...36)
            $0.parentIdentifier = base.identifier
            $0.parentName = .utf16("base.vhd", highestByteFirst: true)
            $0.tag = 2
        }
        let top = VHDBuilder.child.with {
            $0.identifier = [UInt8](41...56)
            $0.parentIdentifier = middle.identifier
            $0.parentName = .utf16("x\\middle.vhd", highestByteFirst: true)
            $0.tag = 3
        }
        let files = MemoryNeighbours(files: [
            "base.vhd": base.build().bytes, "middle.vhd": middle.build().bytes, "top.vhd": top.build().bytes,
        ])
        var expected = base.build().guest
        for layer in [middle, top] {
            for (index, block) in layer.blocks.enumerated() where block != .absent {
                let guest = layer.build().guest
                for sector in (index * 16)..<(index * 16 + 16) where block == .whole || sector % 16 % 3 != 0 {
                    expected.put(guest[sector * 512..<(sector + 1) * 512], at: sector * 512)
                }
            }
        }
        let disk = try files.disk("top.vhd")
        #expect(try disk.bytes(expected.count, at: 0) == expected)
    }

    @Test("a parent of another identity is refused")
    func identity() throws {
        let files = MemoryNeighbours(files: [
            "parent.vhd": VHDBuilder.usual.build().bytes, "child.vhd": VHDBuilder.child.build().bytes,
            "mine.vhd": VHDBuilder.child.with { $0.parentIdentifier = VHDBuilder.usual.identifier }.build()
                .bytes,
        ])
        #expect(throws: ReadError.self) { try files.disk("child.vhd") }
        #expect(try files.disk("mine.vhd").byteCount == 81_920)
    }

    @Test("without its parent, a differencing disk is no disk")
    func alone() throws {
        let files = MemoryNeighbours(files: ["child.vhd": VHDBuilder.child.build().bytes])
        let error = #expect(throws: ReadError.self) { try files.disk("child.vhd") }
        #expect(error?.description.contains("\"parent.vhd\" is not there") == true)
    }
}
