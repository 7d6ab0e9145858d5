// Tests of the tar index: dialects, names, links, sizes and damage.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import OVFPackage

@Suite("A tar archive")
struct TarIndexTests {
    private func index(_ build: (inout TarBuilder) -> Void) throws -> TarIndex {
        var builder = TarBuilder()
        build(&builder)
        return try TarIndex(scanning: MemorySource(builder.bytes), budget: OpeningBudget())
    }

    @Test("ustar members are found in any order, with size, time and offsets")
    func members() throws {
        let index = try index {
            $0.add("b.vmdk", Array("disk".utf8))
            $0.add("a.ovf", [])
            $0.finish()
        }
        #expect(index.members.map(\.displayPath) == ["b.vmdk", "a.ovf"])
        #expect(try index.members[0].contents == Array("disk".utf8))
        #expect(index.members[0].modificationTime == 1_700_000_000)
        #expect(
            index.members[0].location
                == PackageMember.ArchiveLocation(headerOffset: 0, dataOffset: 512, storedByteCount: 4))
        #expect(index.members[1].location?.headerOffset == 1024)
        #expect(index.warnings.isEmpty)
        #expect(index.damage == nil)
    }

    @Test("deep folders with long names do not fill memory: behind a bound, members are shown without theirs")
    func folderBound() throws {
        let index = try index { archive in
            for member in 0..<12 {
                let folders = (0..<250).map { "\(member)-\($0)-".padding(to: 250) }
                let path = Array((folders + ["file\(member)"]).joined(separator: "/").utf8)
                archive.add(Array("././@LongLink".utf8), path, type: "L", magic: .gnu)
                archive.add(Array("short".utf8), magic: .gnu)
            }
            archive.finish()
        }
        #expect(index.members.map { $0.components.last } == (0..<12).map { Array("file\($0)".utf8) })
        #expect(index.members.first?.components.count == 251)
        #expect(index.members.last?.components.count == 1)
        let folderByteCount = index.members.reduce(0) { sum, member in
            var length = 0
            return sum
                + member.components.dropLast().reduce(0) { total, name in
                    length += name.count + 1
                    return total + length
                }
        }
        #expect(folderByteCount <= DisplayTree.maximumFolderByteCount + 16 << 20)
        #expect(index.warnings.contains { $0.code == .nameTooLong })
    }

    @Test("a ustar prefix is the front of the name, and a GNU header has none")
    func prefixes() throws {
        let index = try index {
            $0.add(Array("name".utf8), prefix: "some/folder")
            $0.add(Array("name".utf8), magic: .gnu, prefix: "14567777777")
            $0.finish()
        }
        #expect(index.members.map(\.displayPath) == ["some/folder/name", "name"])
    }

    @Test("star keeps times behind a shorter prefix")
    func star() throws {
        let index = try index {
            $0.add(
                Array("name".utf8), prefix: "folder",
                patch: [(476, Array("14567777777 14567777777 ".utf8)), (508, Array("tar\u{0}".utf8))])
            $0.finish()
        }
        #expect(index.members.map(\.displayPath) == ["folder/name"])
        #expect(index.dialects == [.star])
    }

    @Test("v7 headers have no magic, and a name with a slash at its end is a folder")
    func v7() throws {
        let index = try index {
            $0.add(Array("folder/".utf8), type: "\0", magic: .v7)
            $0.add(Array("folder/file".utf8), [1, 2], type: "\0", magic: .v7)
            $0.finish()
        }
        #expect(index.members.map(\.displayPath) == ["folder/file"])
        #expect(index.dialects == [.v7])
    }

    @Test("a GNU long name and long link name apply to the next member only")
    func longNames() throws {
        let long = [UInt8](repeating: 0x7a, count: 130)
        let index = try index {
            $0.addLong(long, type: "L")
            $0.add(Array(long.prefix(100)), [7], magic: .gnu)
            $0.addLong(long, type: "K")
            $0.add("link", type: "1", link: "zzz")
            $0.add("plain", [8])
            $0.finish()
        }
        #expect(index.members.map(\.path) == [long, Array("link".utf8), Array("plain".utf8)])
        #expect(try index.members[1].contents == [7])
    }

    @Test("pax path, size and mtime win over the header; global ones apply to all that follow")
    func pax() throws {
        let index = try index {
            $0.addPax([("mtime", "1.25")], type: "g")
            $0.addPax([("path", "högt/namn"), ("size", "3"), ("mtime", "99.75")])
            $0.add(Array("short".utf8), sizeField: TarBuilder.octal(0, width: 12))
            $0.addData([1, 2, 3])
            $0.add("second", [4])
            $0.finish()
        }
        #expect(index.members.map(\.displayPath) == ["högt/namn", "second"])
        #expect(try index.members[0].contents == [1, 2, 3])
        #expect(index.members.map(\.modificationTime) == [99, 1])
    }

    @Test("an empty pax value takes a global one back")
    func paxDeletion() throws {
        let index = try index {
            $0.addPax([("path", "global")], type: "g")
            $0.add("own", [1])
            $0.addPax([("path", "")], type: "g")
            $0.add("own", [2])
            $0.finish()
        }
        #expect(index.members.map(\.displayPath) == ["global", "own"])
    }

    @Test("base-256 sizes are read")
    func base256() throws {
        let index = try index {
            $0.add(Array("a".utf8), [1, 2, 3], sizeField: TarBuilder.base256(3))
            $0.finish()
        }
        #expect(try index.members[0].contents == [1, 2, 3])
    }

    @Test(
        "a negative or oversized length ends the archive with a clear error",
        arguments: [
            TarBuilder.base256(-1), [0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0],
            [0x80] + [UInt8](repeating: 0xff, count: 11), Array("-0000000001\u{0}".utf8),
        ])
    func impossibleSizes(sizeField: [UInt8]) throws {
        let index = try index {
            $0.add("good", [1])
            $0.add(Array("evil".utf8), sizeField: sizeField)
            $0.finish()
        }
        #expect(index.members.map(\.displayPath) == ["good"])
        guard case .corrupt(_, let offset, _)? = index.damage else {
            Issue.record("no damage is reported")
            return
        }
        #expect(offset == 1024 + 124)
        #expect(index.warnings.contains { $0.code == .archiveDamaged })
    }

    @Test("signed and unsigned checksums are accepted, a wrong one is not")
    func checksums() throws {
        let name: [UInt8] = [0xe9, 0xe9]
        let signed = try index {
            $0.add(name, checksum: .signed)
            $0.finish()
        }
        #expect(signed.members.map(\.path) == [name])
        #expect(throws: ReadError.self) { try self.index { $0.add(name, checksum: .wrong) } }
    }

    @Test("a damaged header leaves the members before it and names its offset")
    func damagedMiddle() throws {
        let index = try index {
            $0.add("first", [1])
            $0.add(Array("second".utf8), [2], checksum: .wrong)
            $0.add("third", [3])
            $0.finish()
        }
        #expect(index.members.map(\.displayPath) == ["first"])
        #expect(
            index.damage
                == .corrupt(
                    record: "tar header", offset: 1024 + 148, reason: "the checksum of the header is wrong"))
    }

    @Test("missing end blocks are accepted with a warning", arguments: [0, 512])
    func missingEnd(zeroCount: Int) throws {
        var builder = TarBuilder()
        builder.add("a", [1])
        let index = try TarIndex(
            scanning: MemorySource(builder.bytes + [UInt8](repeating: 0, count: zeroCount)),
            budget: OpeningBudget())
        #expect(index.members.count == 1)
        #expect(index.warnings.map(\.code) == [.archiveEndMissing])
    }

    @Test("a member cut short is shown as far as it goes, and says how many bytes are missing")
    func cutShort() throws {
        var builder = TarBuilder()
        builder.add("whole", [1])
        builder.add("cut", [UInt8](repeating: 5, count: 2000))
        let index = try TarIndex(
            scanning: MemorySource(Array(builder.bytes.prefix(1024 + 512 + 700))), budget: OpeningBudget())
        #expect(index.members.map(\.missingByteCount) == [0, 1300])
        #expect(try index.members[1].contents == [UInt8](repeating: 5, count: 700))
        #expect(index.warnings.map(\.code) == [.memberCutShort])
    }

    @Test("a member over 8 GiB is reported: importers that know plain ustar only refuse it")
    func overUstarLimit() throws {
        let index = try index {
            $0.add(Array("large".utf8), sizeField: TarBuilder.base256(1 << 33))
        }
        #expect(index.warnings.map(\.code) == [.memberOverUstarLimit, .memberCutShort])
        #expect(index.members[0].missingByteCount == 1 << 33)
    }

    @Test("a hard link is its earlier member")
    func hardLinks() throws {
        let index = try index {
            $0.add("./file", [9, 9])
            $0.add("link", type: "1", link: "file")
            $0.add("dangling", type: "1", link: "nothing")
            $0.finish()
        }
        #expect(index.members.map(\.displayPath) == ["file", "link"])
        #expect(try index.members[1].contents == [9, 9])
        #expect(index.skipped.map(\.kind) == [.hardLinkWithoutTarget])
    }

    @Test("a hard link that repeats its file's size has no data of its own")
    func hardLinkWithSize() throws {
        let index = try index {
            $0.add("file", [9, 9])
            $0.add(Array("link".utf8), type: "1", link: "file", sizeField: TarBuilder.octal(2, width: 12))
            $0.add("after", [1])
            $0.finish()
        }
        #expect(index.members.map(\.displayPath) == ["file", "link", "after"])
    }

    @Test("links, devices and fifos are not shown, and are recorded", arguments: ["2", "3", "4", "6"])
    func specials(type: Character) throws {
        let index = try index {
            $0.add("evil", type: type, link: "/etc/passwd")
            $0.add("good", [1])
            $0.finish()
        }
        #expect(index.members.map(\.displayPath) == ["good"])
        #expect(index.skipped.count == 1)
        #expect(index.warnings.map(\.code) == [.memberSkipped])
    }

    @Test(
        "names with .. and absolute names are shown inside the package and never looked up by",
        arguments: [
            ("../evil", "evil"), ("/etc/passwd", "etc/passwd"), ("a/../../b", "a/b"), ("..", "unnamed"),
        ])
    func hostileNames(stored: String, shown: String) throws {
        let index = try index {
            $0.add(stored, [1])
            $0.finish()
        }
        #expect(index.members.map(\.displayPath) == [shown])
        #expect(index.members.map(\.isReferable) == [false])
        #expect(index.members[0].path == Array(stored.utf8))
        #expect(index.warnings.map(\.code) == [.nameHostile])
    }

    @Test("the second of two members with one name shows as name~2, and a hostile one never takes a name")
    func duplicates() throws {
        let index = try index {
            $0.add("../disk", [0])
            $0.add("disk", [1])
            $0.add("./disk", [2])
            $0.add("disk/inner", [3])
            $0.add("disk/other", [4])
            $0.finish()
        }
        #expect(
            index.members.map(\.displayPath) == [
                "disk~4", "disk", "disk~2", "disk~3/inner", "disk~3/other",
            ])
        #expect(Set(index.members.map(\.displayPath)).count == 5)
        #expect(index.warnings.contains { $0.code == .memberDuplicate })
    }

    @Test("a damaged extended header ends the archive: it may have held the length of its member")
    func damagedExtendedHeader() throws {
        for records in ["99 path=x\n", "12 size=600\n99 path=x\n", "99 size=600\n", "9 comment\n"] {
            let index = try index {
                $0.add("before", [0])
                $0.add("PaxHeader", Array(records.utf8), type: "x")
                $0.add(Array("dropped".utf8), sizeField: TarBuilder.octal(0, width: 12))
                $0.add("after", [2])
                $0.finish()
            }
            #expect(index.members.map(\.displayPath) == ["before"])
            guard case .corrupt("tar extended header", let offset, _)? = index.damage else {
                Issue.record("\(records): \(String(describing: index.damage))")
                continue
            }
            #expect((1536..<1536 + 512).contains(offset))
        }
    }

    @Test("a name is bytes, shown unchanged")
    func latin1() throws {
        let name: [UInt8] = [0x46, 0xe7, 0x20, 0xff]
        let index = try index {
            $0.add(name, [1])
            $0.finish()
        }
        #expect(index.members[0].components == [name])
    }

    @Test("long names and long pax headers are bounded")
    func bounds() throws {
        let longest = [UInt8](repeating: 0x61, count: 65_536)
        let index = try index {
            $0.addLong(longest, type: "L")
            $0.add("x", [1])
            $0.finish()
        }
        #expect(index.members[0].path == longest)
        #expect(index.members[0].components[0].count == 255)
        #expect(throws: ReadError.self) {
            try self.index { $0.addLong(longest + [0x61], type: "L") }
        }
        #expect(throws: ReadError.self) {
            try self.index {
                $0.addPax([("comment", String(repeating: "c", count: 1 << 20))])
                $0.add("x", [1])
            }
        }
    }

    @Test("more than 100,000 members end the archive with a clear error")
    func tooManyMembers() throws {
        var one = TarBuilder()
        one.add("a", type: "6")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512 * 100_002)
        for _ in 0..<100_001 { bytes += one.bytes }
        let index = try TarIndex(scanning: MemorySource(bytes), budget: OpeningBudget())
        #expect(index.skipped.count == 100_000)
        #expect(index.damage != nil)
        #expect(index.warnings.count <= 1_001)
    }

    @Test("large members cost one block each, small ones are read together")
    func readsLittle() throws {
        var builder = TarBuilder()
        for number in 0..<20 { builder.add("large\(number)", [UInt8](repeating: 1, count: 100_000)) }
        builder.finish()
        let large = TallySource(MemorySource(builder.bytes))
        #expect(try TarIndex(scanning: large, budget: OpeningBudget()).members.count == 20)
        #expect(large.bytesRead < 20 * 512 + 8192)

        builder = TarBuilder()
        for number in 0..<1000 { builder.add("small\(number)", [1]) }
        builder.finish()
        let small = TallySource(MemorySource(builder.bytes))
        #expect(try TarIndex(scanning: small, budget: OpeningBudget()).members.count == 1000)
        #expect(small.reads < 40)
    }

    @Test("what is no tar is refused", arguments: [0, 511, 512, 4096])
    func noTar(byteCount: Int) {
        #expect(throws: ReadError.self) {
            try TarIndex(
                scanning: MemorySource([UInt8](repeating: 0x41, count: byteCount) + [0x42]),
                budget: OpeningBudget())
        }
    }
}

extension String {
    /// With `x` behind it until it has `count` bytes.
    fileprivate func padding(to count: Int) -> String {
        self + String(repeating: "x", count: Swift.max(0, count - utf8.count))
    }
}
