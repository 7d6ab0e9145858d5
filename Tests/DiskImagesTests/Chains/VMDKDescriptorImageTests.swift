// Tests of VMDK disks that are a text file and the files that it names: docs/FORMATS.md, "VMDK descriptors".
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("VMDK descriptors")
struct VMDKDescriptorImageTests {
    private let flat = SeededRandom(seed: 5).filled(16 * 512)
    private let sparse = MonolithicSparseBuilder.usual().build()

    private func files(
        _ lines: String, _ more: [String: [UInt8]] = [:], header: String = "parentCID=ffffffff\n"
    ) -> MemoryNeighbours {
        var files = [
            "x.vmdk": Array(
                "# Disk DescriptorFile\nversion=1\nCID=1\n\(header)createType=\"custom\"\n\(lines)".utf8),
            "flat": flat, "sparse": sparse.bytes,
        ]
        for (name, bytes) in more { files[name] = bytes }
        return MemoryNeighbours(files: files)
    }

    private func zeros(_ sectors: Int) -> [UInt8] { [UInt8](repeating: 0, count: sectors * 512) }

    @Test("the lines make up the disk in their order, with zeros and parts of files")
    func order() throws {
        let disk = try files(
            "RW 4 FLAT \"flat\" 2\nRW 3 ZERO\n  rw\t5 VMFS \"flat\" 8  \r\n#RW 1 ZERO\nRDONLY 2 FLAT \"flat\"\n"
        ).disk("x.vmdk")
        let expected =
            Array(flat[1_024..<3_072]) + zeros(3) + Array(flat[4_096..<6_656]) + Array(flat[..<1_024])
        #expect(try disk.bytes(expected.count, at: 0) == expected)
        #expect(disk.byteCount == UInt64(expected.count))
        #expect(try disk.firstOffset(of: .hole, in: 0..<disk.byteCount) == 2_048)
        #expect(try disk.firstOffset(of: .data, in: 2_048..<disk.byteCount) == 3_584)
    }

    @Test("sparse parts are read through their tables; the line's length wins over theirs")
    func sparseParts() throws {
        let sectors = sparse.guest.count / 512
        let disk = try files(
            "RW \(sectors) SPARSE \"sparse\"\nRW 7 SPARSE \"sparse2\"\n", ["sparse2": sparse.bytes]
        )
        .disk("x.vmdk")
        let expected = sparse.guest + Array(sparse.guest.prefix(7 * 512))
        #expect(try disk.bytes(expected.count, at: 0) == expected)
        for start in stride(from: 100, to: expected.count - 3_000, by: 9_973) {
            #expect(try disk.bytes(3_000, at: UInt64(start)) == Array(expected[start..<(start + 3_000)]))
        }
    }

    @Test("what a file lacks of its line is damage, never zeros; what it has more is left out")
    func lengths() throws {
        let sectors = sparse.guest.count / 512
        let disk = try files("RW 20 FLAT \"flat\" 0\nRW \(sectors + 4) SPARSE \"sparse\"\nRW 1 ZERO\n").disk(
            "x.vmdk")
        #expect(try disk.bytes(16 * 512, at: 0) == flat)
        #expect(throws: ReadError.self) { try disk.bytes(1, at: 16 * 512) }
        #expect(try disk.bytes(sparse.guest.count, at: 20 * 512) == sparse.guest)
        #expect(throws: ReadError.self) { try disk.bytes(1, at: UInt64(20 * 512 + sparse.guest.count)) }
        #expect(try disk.bytes(512, at: UInt64((24 + sectors) * 512)) == zeros(1))
        #expect(try disk.firstOffset(of: .hole, in: (16 * 512)..<(20 * 512)) == nil)
    }

    @Test("NOACCESS is an error in its place")
    func noAccess() throws {
        let disk = try files("RW 1 ZERO\nNOACCESS 2 FLAT \"flat\" 0\nRW 1 FLAT \"flat\" 0\n").disk("x.vmdk")
        #expect(try disk.bytes(512, at: 0) == zeros(1))
        #expect(throws: ReadError.self) { try disk.bytes(1, at: 512) }
        #expect(try disk.bytes(512, at: 1_536) == Array(flat.prefix(512)))
    }

    @Test("flat content is raw bytes, whatever it looks like")
    func flatLooksLikeImage() throws {
        let disk = try files("RW 1 FLAT \"sparse\" 0\n").disk("x.vmdk")
        #expect(try disk.bytes(512, at: 0) == Array(sparse.bytes.prefix(512)))
    }

    @Test(
        "a line that cannot be understood refuses the disk",
        arguments: [
            "RW 0 ZERO", "RW -1 ZERO", "RW x ZERO", "RW 1 WHAT \"flat\"", "RW 1 FLAT flat 0",
            "RW 1 FLAT \"flat 0",
            "RW 1 FLAT \"flat\" x", "RW 1 FLAT \"flat\" 0 0", "RW 1 ZERO 0", "RW", "RW 1", "WR 1 ZERO",
            "nonsense",
            "RW 99999999999999999999 ZERO", "RW 36028797018963968 ZERO", "RW 1 VMFSRDM \"flat\"",
            "RW 1 VMFSRAW \"flat\"", "RW 1 SPARSE \"flat\"", "RW 1 FLAT \"/flat\" 0",
            "RW 1 FLAT \"../flat\" 0",
            "RW 1 FLAT \"gone\" 0", "RW 1 SPARSE \"x.vmdk\"", "",
            "RW 18014398509481983 ZERO\nRW 18014398509481983 ZERO",
            "RW 1 SPARSE \"sparse\"\nRW 1 SPARSE \"sparse\"", "RW 1 ZERO\0RW 1 ZERO", "RW 1 ZERO\n\0\0x",
        ])
    func refused(line: String) {
        // Without any line there is no disk.
        let lines = line.isEmpty ? "" : "RW 1 ZERO\n\(line)\n"
        #expect(throws: ReadError.self) { try files(lines).disk("x.vmdk") }
    }

    @Test("zeros behind the text are no part of it")
    func padding() throws {
        #expect(try files("RW 3 ZERO\n\0\0\0\0").disk("x.vmdk").byteCount == 3 * 512)
    }

    @Test("without any file beside it, a descriptor is refused")
    func alone() throws {
        #expect(throws: ReadError.self) {
            try ChainOpener.open(
                MemorySource(files("RW 1 FLAT \"flat\" 0\n").files["x.vmdk"] ?? []), named: "x.vmdk",
                in: ClusterCache(byteLimit: 1 << 20), options: .init())
        }
    }

    @Test("a delta shows its parent where its entries are 0, and zeros where they are 1")
    func delta() throws {
        let base = SeededRandom(seed: 9).filled(sparse.guest.count)
        let child = MonolithicSparseBuilder.usual {
            $0.descriptor =
                "# Disk DescriptorFile\nCID=2\nparentCID=000000aB\nparentFileNameHint=\"C:\\dir/base.vmdk\"\n"
                + "createType=\"monolithicSparse\"\nRW 640 SPARSE \"child.vmdk\"\n"
        }.build()
        let parent =
            "# Disk DescriptorFile\nCID=ab\nparentCID=ffffffff\nRW \(base.count / 512) FLAT \"base\" 0\n"
        var files = MemoryNeighbours(files: [
            "child.vmdk": child.bytes, "base.vmdk": Array(parent.utf8), "base": base,
        ])
        var expected = child.guest
        for (index, content) in GrainContent.mixed(40).enumerated() where content == .absent {
            let start = index * child.grainByteCount
            expected.replaceSubrange(
                start..<(start + child.grainByteCount), with: base[start..<(start + child.grainByteCount)])
        }
        #expect(try files.disk("child.vmdk").bytes(expected.count, at: 0) == expected)
        files.files["base.vmdk"] = Array(parent.replacing("CID=ab", with: "CID=ac").utf8)
        let error = #expect(throws: ReadError.self) { try files.disk("child.vmdk") }
        #expect(error?.description.contains("identifiers differ") == true)
        files.files["base.vmdk"] = nil
        #expect(throws: ReadError.self) { try files.disk("child.vmdk") }
    }

    @Test(
        "a delta without a hint, or without the parent's identifier, is refused",
        arguments: [
            "parentCID=12\n", "parentFileNameHint=\"base\"\n",
            "parentCID=what\nparentFileNameHint=\"base\"\n",
        ])
    func incompleteDelta(header: String) {
        #expect(throws: ReadError.self) { try files("RW 1 ZERO\n", header: header).disk("x.vmdk") }
    }

    @Test("a descriptor of many lines costs what its lines cost")
    func manyLines() throws {
        let lines = String(repeating: "RW 1 ZERO\n", count: 4_096)
        #expect(try files(lines).disk("x.vmdk").byteCount == 4_096 * 512)
        #expect(throws: ReadError.self) { try files(lines + "RW 1 ZERO\n").disk("x.vmdk") }
    }
}

extension SeededRandom {
    fileprivate func filled(_ count: Int) -> [UInt8] {
        var random = self
        return random.bytes(count)
    }
}
