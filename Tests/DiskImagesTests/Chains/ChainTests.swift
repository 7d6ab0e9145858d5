// Tests of disks that build on others.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("Chains")
struct ChainTests {
    private func text(_ disk: GuestDisk) throws -> String {
        let bytes = try disk.bytes(Int(disk.byteCount), at: 0)
        return stride(from: 0, to: bytes.count, by: 512).map { start in
            let block = bytes[start..<(start + 512)]
            #expect(Set(block).count == 1)
            return block.first == 0 ? "0" : String(UnicodeScalar(block.first ?? 0))
        }.joined()
    }

    private func toy(_ blocks: String, _ fill: Character, _ parent: String = "", _ content: String = "")
        -> [UInt8]
    {
        ToyChain.file(blocks, fill: fill.asciiValue ?? 0, parent: parent, content: content)
    }

    @Test("absent is the parent's, zeros are zeros, and a parent may have a parent")
    func threeDeep() throws {
        let files = MemoryNeighbours(files: [
            "top": toy("asazsaaa", "T", "-|middle"), "middle": toy("aasaazsa", "M", "-|base"),
            "base": toy("sasssssz", "B"),
        ])
        #expect(try text(files.disk("top")) == "BTM0T0M0")
    }

    @Test("every read of a part is the part of the whole, copied and gathered")
    func parts() throws {
        let files = MemoryNeighbours(files: [
            "top": toy("asazsaaa", "T", "-|middle"), "middle": toy("aasaazsa", "M", "-|base"),
            "base": toy("sasssssz", "B"),
        ])
        let disk = try files.disk("top")
        let whole = try disk.bytes(Int(disk.byteCount), at: 0)
        for start in stride(from: 0, to: whole.count, by: 251) {
            for count in [1, 511, 512, 513, 1_700] where start + count <= whole.count {
                #expect(try disk.bytes(count, at: UInt64(start)) == Array(whole[start..<(start + count)]))
                #expect(
                    try disk.gatheredBytes(count, at: UInt64(start)) == Array(whole[start..<(start + count)]))
            }
        }
    }

    @Test("a shorter parent is zeros behind its end, a longer one is cut")
    func lengths() throws {
        let files = MemoryNeighbours(files: [
            "short": toy("aaaa", "T", "-|two"), "long": toy("a", "T", "-|two"), "two": toy("ss", "B"),
        ])
        #expect(try text(files.disk("short")) == "BB00")
        #expect(try text(files.disk("long")) == "B")
        let disk = try files.disk("short")
        #expect(try disk.firstOffset(of: .hole, in: 0..<disk.byteCount) == 1_024)
        #expect(try disk.firstOffset(of: .data, in: 1_024..<disk.byteCount) == nil)
    }

    @Test("what is absent is a hole where the parent has one, and damage never is")
    func holes() throws {
        let files = MemoryNeighbours(files: ["top": toy("aasaz", "T", "-|base"), "base": toy("azadsa", "B")])
        let disk = try files.disk("top")
        #expect(try disk.firstOffset(of: .data, in: 0..<disk.byteCount) == 1_024)
        #expect(try disk.firstOffset(of: .hole, in: 1_024..<disk.byteCount) == 2_048)
        #expect(throws: ReadError.self) { try disk.bytes(512, at: 1_536) }
        #expect(try disk.bytes(512, at: 2_048) == [UInt8](repeating: 0, count: 512))
    }

    @Test("damage of a parent shows only where it shows through")
    func damage() throws {
        let files = MemoryNeighbours(files: ["top": toy("sza", "T", "-|base"), "base": toy("ddd", "B")])
        let disk = try files.disk("top")
        #expect(try disk.bytes(1_024, at: 0).count == 1_024)
        #expect(throws: ReadError.corrupt(record: "toy", offset: 2, reason: "damaged on purpose")) {
            try disk.bytes(1, at: 1_024)
        }
    }

    @Test("64 images are read, 65 are not, and a circle is refused")
    func depth() throws {
        func chain(_ count: Int) -> MemoryNeighbours {
            var files = ["0": toy("s", "B")]
            for index in 1..<count { files["\(index)"] = toy("a", "T", "-|\(index - 1)") }
            return MemoryNeighbours(files: files)
        }
        #expect(try text(chain(64).disk("63")) == "B")
        #expect(throws: ReadError.self) { try chain(65).disk("64") }
        let circle = MemoryNeighbours(files: ["a": toy("a", "A", "-|b"), "b": toy("a", "B", "-|a")])
        let error = #expect(throws: ReadError.self) { try circle.disk("a") }
        #expect(error?.description.contains("circle") == true)
        let own = MemoryNeighbours(files: ["a": toy("a", "A", "-|a")])
        #expect(throws: ReadError.self) { try own.disk("a") }
    }

    @Test(
        "a name that leads elsewhere is refused and nothing is opened",
        arguments: [
            "../base", "/etc/passwd", "a/base", "a\\base", "nbd:localhost", "json:{}", "file:base", "..", ".",
            "",
        ])
    func names(name: String) throws {
        let files = MemoryNeighbours(files: ["top": toy("a", "T", "-|\(name)"), name: toy("s", "E")])
        #expect(throws: ReadError.self) { try files.disk("top") }
    }

    @Test("a path to the image's own folder is the name in it, and no other path is")
    func ownFolder() throws {
        var files = MemoryNeighbours(files: ["base": toy("s", "B")])
        files.folder = ["srv", "images"]
        for name in ["./base", ".//./base", "/srv/images/base", "//srv/./images//base"] {
            files.files["top"] = toy("a", "T", "-|\(name)")
            #expect(try text(files.disk("top")) == "B", "\(name)")
        }
        for name in [
            "/srv/base", "/srv/images/../images/base", "/srv/images/sub/base", "srv/images/base", "x/./base",
            "/base",
            "/srv/images/", "./", "./..", "/srv/images/nbd:base",
        ] {
            files.files["top"] = toy("a", "T", "-|\(name)")
            #expect(throws: ReadError.self, "\(name)") { try files.disk("top") }
        }
    }

    @Test("where a qcow2 image leads to another folder, the error says how to name the file beside it")
    func rebasing() throws {
        let base = [UInt8](repeating: 66, count: 512)
        for (format, wanted) in [("raw", "raw"), ("vpc", "vpc"), ("qcow2", "qcow2"), (nil, "FORMAT")] {
            let image = QCOWBuilder.usual.with {
                $0.backingName = Array("_base/it's.img".utf8)
                if let format { $0.extensions = [(QCOWBuilder.formatExtension, Array(format.utf8))] }
            }.build()
            let files = MemoryNeighbours(files: ["top.qcow2": image.bytes, "it's.img": base])
            let error = try #require(throws: ReadError.self) { try files.disk("top.qcow2") }
            let advice = ": qemu-img rebase -u -b 'it'\\''s.img' -F \(wanted) 'top.qcow2'"
            #expect(error.description.hasSuffix(advice), "\(error)")
        }
        let other = MemoryNeighbours(files: ["top": toy("a", "T", "-|x/base"), "base": toy("s", "B")])
        let error = try #require(throws: ReadError.self) { try other.disk("top") }
        #expect(!error.description.contains("rebase"))
    }

    @Test("the first name that exists is the parent; without any, the child is refused")
    func alternatives() throws {
        let files = MemoryNeighbours(files: [
            "top": toy("a", "T", "-|gone|../x|base|other"), "base": toy("s", "B"), "other": toy("s", "O"),
            "orphan": toy("sa", "T", "-|gone"),
        ])
        #expect(try text(files.disk("top")) == "B")
        let error = #expect(throws: ReadError.self) { try files.disk("orphan") }
        #expect(error?.description.contains("\"gone\" is not there") == true)
    }

    @Test("a parent of another identity is refused")
    func identity() throws {
        let base = ToyChain.file("s", fill: 66, identity: "one")
        let files = MemoryNeighbours(files: [
            "right": toy("a", "T", "one|base"), "wrong": toy("a", "T", "two|base"), "base": base,
            "none": toy("a", "T", "one|plain"), "plain": toy("s", "P"),
        ])
        #expect(try text(files.disk("right")) == "B")
        #expect(throws: ReadError.self) { try files.disk("wrong") }
        #expect(throws: ReadError.self) { try files.disk("none") }
    }

    @Test("a raw parent is raw whatever it looks like; a stated format has to be the content's")
    func content() throws {
        let inside = toy("s", "B")
        let files = MemoryNeighbours(files: [
            "raw": toy("a", "T", "-|base", "raw"), "toy": toy("a", "T", "-|base", "toy"),
            "wrong": toy("a", "T", "-|text", "toy"), "base": inside, "text": Array("some text".utf8),
        ])
        #expect(try files.disk("raw").bytes(512, at: 0) == Array(inside.prefix(512)))
        #expect(try text(files.disk("toy")) == "B")
        #expect(throws: ReadError.self) { try files.disk("wrong") }
    }

    @Test("a format that is not stated is refused, and guessed only leniently")
    func unstated() throws {
        let files = MemoryNeighbours(files: [
            "top": toy("a", "T", "-|base", "unstated"), "base": toy("s", "B"),
        ])
        let error = #expect(throws: ReadError.self) { try files.disk("top") }
        #expect(error?.remedy == .lenient)
        #expect(try text(files.disk("top", lenient: true)) == "B")
    }

    @Test("a disk is whole sectors, whatever its image says, and a raw parent's holes are holes")
    func rawParent() throws {
        let files = MemoryNeighbours(files: [
            "top": toy("aa", "T", "-|base", "raw"), "base": [UInt8](repeating: 66, count: 700),
        ])
        let bytes = try files.disk("top").bytes(1_024, at: 0)
        #expect(bytes == [UInt8](repeating: 66, count: 700) + [UInt8](repeating: 0, count: 324))
    }

    @Test("st_blocks of a chain is above nothing and below the whole where it has data")
    func allocation() throws {
        let files = MemoryNeighbours(files: ["top": toy("ssaa", "T", "-|base"), "base": toy("ssss", "B")])
        let disk = try files.disk("top")
        #expect(disk.allocatedByteCount == 2_048 - 512)
        #expect(disk.allocationIsEstimate)
    }
}
