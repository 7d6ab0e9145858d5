// Tar archives that two readers would read differently.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import OVFPackage

@Suite("A tar archive that means harm")
struct TarAttackTests {
    private func index(_ build: (inout TarBuilder) -> Void) throws -> TarIndex {
        var builder = TarBuilder()
        build(&builder)
        return try TarIndex(scanning: MemorySource(builder.bytes), budget: OpeningBudget())
    }

    /// An archive with a `disk.vmdk` of its own.
    private static let inner: [UInt8] = {
        var inner = TarBuilder()
        inner.add("disk.vmdk", Array("the attacker's".utf8))
        inner.finish()
        return inner.bytes
    }()

    @Test(
        "a pax header that makes no sense ends the archive: what is inside the member never becomes the package's",
        arguments: [
            "11 size=abc\n", "10 size=-5\n", "29 size=99999999999999999999\n", "12 size=+600\n",
            "12 size=0x10\n", "99 size=600\n", "00 size=600\n", "-2 size=600\n", "12 size=600",
            "12 size 600\n",
            "11 size=512\n11 size=513\n", "12 size=5 0\n", "4294967308 size=600\n",
            "26 GNU.sparse.realsize=-1\n", "40 GNU.sparse.realsize=9999999999999999\n12 size=zzz\n",
            "27 GNU.sparse.size=1 000 0\n", "24 GNU.sparse.map=1,2,,\n",
        ])
    func senselessHeader(records: String) throws {
        let index = try index {
            $0.add("x.ovf", Array("descriptor".utf8))
            $0.add("PaxHeaders/0", Array(records.utf8), type: "x")
            // A reader that takes the length of this header for the member's sees the archive inside.
            $0.add(Array("notes".utf8), sizeField: TarBuilder.octal(0, width: 12))
            $0.addData(Self.inner)
            $0.add("disk.vmdk", Array("the package's".utf8))
            $0.finish()
        }
        #expect(index.members.map(\.displayPath) == ["x.ovf"])
        let damage = try #require(index.damage)
        #expect(damage.description.contains("tar extended header"))
        #expect(index.warnings.contains { $0.code == .archiveDamaged })
    }

    @Test(
        "a global pax header that makes no sense ends the archive, too",
        arguments: ["11 size=abc\n", "99 size=1\n"])
    func senselessGlobalHeader(records: String) throws {
        let index = try index {
            $0.add("x.ovf", [1])
            $0.add("PaxHeaders/0", Array(records.utf8), type: "g")
            $0.add("after", [2])
            $0.finish()
        }
        #expect(index.members.map(\.displayPath) == ["x.ovf"])
        #expect(index.damage != nil)
    }

    @Test("one size that is given twice is one size")
    func equalSizes() throws {
        let index = try index {
            $0.addPax([("size", "3"), ("size", "3")])
            $0.add(Array("a".utf8), sizeField: TarBuilder.octal(0, width: 12))
            $0.addData([1, 2, 3])
            $0.finish()
        }
        #expect(try index.members.map { try $0.contents } == [[1, 2, 3]])
        #expect(index.damage == nil)
    }

    @Test("a name with a NUL is a finding, and no href finds the member by the part before it")
    func nameWithNul() throws {
        let name = Array("disk.vmdk\0.txt".utf8)
        let builds: [(inout TarBuilder) -> Void] = [
            {
                $0.addPax([("path", name)])
                $0.add("short", [1])
            },
            {
                $0.addLong(name, type: "L")
                $0.add("short", [1])
            },
        ]
        for build in builds {
            let index = try index { tar in
                build(&tar)
                tar.finish()
            }
            #expect(index.members.map(\.displayPath) == ["disk.vmdk_.txt"])
            #expect(index.members.map(\.path) == [name])
            #expect(index.warnings.map(\.code) == [.nameHostile])
            #expect(index.warnings[0].message.contains("NUL"))
            let resolver = HrefResolver(index.members, allowsOtherFolders: true)
            for href in ["disk.vmdk", "disk.vmdk_.txt", "disk.vmdk%00.txt"] {
                #expect(resolver.resolve(href) == .absent)
            }
        }
    }

    @Test("NULs at the end of a GNU long name are not part of it")
    func paddedLongName() throws {
        let index = try index {
            $0.addLong(Array("name\0\0\0".utf8), type: "L")
            $0.add("short", [1])
            $0.finish()
        }
        #expect(index.members.map(\.path) == [Array("name".utf8)])
        #expect(index.warnings.isEmpty)
    }

    @Test("a hard link whose target has a NUL is a link to nothing")
    func linkWithNul() throws {
        let index = try index {
            $0.add("file", [1])
            $0.addPax([("linkpath", Array("file\0x".utf8))])
            $0.add("link", type: "1", link: "file")
            $0.finish()
        }
        #expect(index.members.map(\.displayPath) == ["file"])
        #expect(index.skipped.map(\.kind) == [.hardLinkWithoutTarget])
    }

    @Test(
        "a scan never reads backwards: in a compressed archive each step back decodes anew what is before it")
    func readsForwards() throws {
        var builder = TarBuilder()
        for number in 0..<200 {
            builder.addPax([
                ("path", "member\(number)"), ("comment", String(repeating: "c", count: number * 40)),
            ])
            builder.add("x", [UInt8](repeating: 1, count: number * 7))
            builder.addLong(Array("long\(number)".utf8), type: "L")
            builder.add("y", [1])
            builder.addPax([
                ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "1000"),
            ])
            builder.add("z", Array("1\n0\n512\n".utf8) + [UInt8](repeating: 0, count: 504 + 512))
            builder.add("link\(number)", type: "1", link: "member\(number)")
        }
        builder.finish()
        let source = ForwardSource(MemorySource(builder.bytes))
        #expect(try TarIndex(scanning: source, budget: OpeningBudget()).members.count == 800)
        #expect(source.backwardCount == 0)
        #expect(source.bytesRead < builder.bytes.count + 1024)
    }
}

/// A source that counts the reads which begin before the end of the one before.
private final class ForwardSource: ByteSource {
    private let base: MemorySource
    private let state = SleepingMutex((end: UInt64(0), backward: 0, bytes: 0))

    var byteCount: UInt64 { base.byteCount }
    var backwardCount: Int { state.withLock { $0.backward } }
    var bytesRead: Int { state.withLock { $0.bytes } }

    init(_ base: MemorySource) { self.base = base }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        state.withLock { state in
            if offset < state.end { state.backward += 1 }
            state.end = offset + UInt64(count)
            state.bytes += count
        }
        try base.read(count, at: offset, into: &output)
    }
}
