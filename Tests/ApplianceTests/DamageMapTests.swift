// Tests of copies of damaged disks, and of the map that says where they are damaged.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Appliance

@Suite("Copies of damaged disks")
struct DamageMapTests {
    /// The lines of a map that are no comments, as position, size and status; the status line first.
    private static func fields(_ text: [UInt8]) -> [[String]] {
        String(decoding: text, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("#") }
            .map { $0.split(separator: " ").map(String.init) }
    }

    @Test("a map has each byte of the disk once, in order, and joins places that touch")
    func text() throws {
        let map = DamageMap()
        for place in [4096..<8192, 65536..<65537, 0..<512, 8192..<12288] as [Range<UInt64>] {
            try map.note(place)
        }
        let fields = Self.fields(map.text(byteCount: 1 << 40, comments: ["a\nb"]))
        #expect(
            fields == [
                ["0x10000000000", "+", "1"], ["0x00000000", "0x00000200", "-"],
                ["0x00000200", "0x00000E00", "+"], ["0x00001000", "0x00002000", "-"],
                ["0x00003000", "0x0000D000", "+"], ["0x00010000", "0x00000001", "-"],
                ["0x00010001", "0xFFFFFEFFFF", "+"],
            ])
        #expect(map.byteCount == 512 + 8192 + 1)
    }

    @Test("a disk without damage is one readable place")
    func sound() {
        let fields = Self.fields(DamageMap().text(byteCount: 512, comments: []))
        #expect(fields == [["0x00000200", "+", "1"], ["0x00000000", "0x00000200", "+"]])
    }

    @Test("the places that a hostile disk can fill memory with are bounded")
    func bound() throws {
        let map = DamageMap(limit: 3)
        for start in 0..<3 as Range<UInt64> { try map.note(start * 10..<start * 10 + 1) }
        #expect(throws: CopyError.tooManyDamages(limit: 3)) { try map.note(100..<101) }
    }

    @Test("places that several threads note in turn are joined as those of one are")
    func interleaved() throws {
        let map = DamageMap(limit: 64)
        for piece in 0..<50 as Range<UInt64> {
            for thread in 0..<64 as Range<UInt64> {
                let start = thread << 32 + piece * 4_096
                try map.note(start..<start + 4_096)
            }
        }
        #expect(map.places.count == 64)
        #expect(map.byteCount == 64 * 50 * 4_096)
    }

    @Test(
        "all but the 4 KiB around what cannot be read is copied, from a file and to a pipe",
        arguments: [1, 3], [true, false])
    func badSectors(threadCount: Int, isFile: Bool) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var random = SeededRandom(seed: 5)
        let bytes = random.bytes((5 << 20) + 100)
        let end = UInt64(bytes.count)
        let source = FailingSource(
            MemorySource(bytes), failingIn: 0..<1, (3 << 20) + 5..<(3 << 20) + 5000, end - 1..<end)
        let damage = DamageMap()
        let url = folder.appending(path: "x.raw")
        if isFile {
            let output = try OutputFile(path: FilePath(url.path), byteCount: end, overwrites: false)
            try DiskCopy(of: source, to: output, damage: damage).run(threadCount: threadCount)
            try output.finish()
        } else {
            try Data().write(to: url)
            let file = try FileDescriptor.open(FilePath(url.path), .writeOnly)
            defer { try? file.close() }
            let output = OutputStream(file, named: "a stream")
            try DiskCopy(of: source, to: output, damage: damage).run(threadCount: threadCount)
            try output.finish(isDurable: false)
        }
        let places: [Range<UInt64>] = [0..<4096, 3 << 20..<(3 << 20) + 8192, end - 100..<end]
        #expect(damage.places == places)
        var expected = bytes
        for place in places {
            for index in Int(place.lowerBound)..<Int(place.upperBound) { expected[index] = 0 }
        }
        #expect(try Array(Data(contentsOf: url)) == expected)
    }

    @Test("what is no damage ends the copy, also where damage does not")
    func stale() throws {
        let damage = DamageMap()
        let output = try OutputTarget(at: "/dev/null", overwrites: false)
            .open(byteCount: 4096, overwrites: false)
        #expect(throws: CopyError.source(.stale(source: "the disk"))) {
            try DiskCopy(of: StaleSource(), to: output, damage: damage).run(threadCount: 1)
        }
        #expect(damage.places.isEmpty)
    }
}

private struct StaleSource: ByteSource {
    let byteCount: UInt64 = 4096
    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        throw .stale(source: "the disk")
    }
}
