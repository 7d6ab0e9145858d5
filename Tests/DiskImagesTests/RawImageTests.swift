// Tests of raw disks.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("A raw disk")
struct RawImageTests {
    @Test("any bytes are a disk of whole sectors", arguments: [0, 1, 4, 511, 512, 513, 70_000])
    func anyBytes(byteCount: Int) throws {
        var random = SeededRandom(seed: UInt64(byteCount))
        let bytes = random.bytes(byteCount)
        let padding = (512 - byteCount % 512) % 512
        let opened = try OpenedImage(MemorySource(bytes), named: "disk.img")
        #expect(opened.image.format == .raw)
        #expect(
            opened.violations(expected: bytes + Array(repeating: 0, count: padding), clusterByteCount: 4_096)
                == [])
        #expect(opened.image.warnings.count == (padding == 0 ? 0 : 1))
        #expect(opened.image.allocatedByteCount == UInt64(byteCount))
    }

    @Test("the holes of its file are the disk's")
    func holes() throws {
        var random = SeededRandom(seed: 3)
        let data = random.bytes(8_192)
        let file = try ConcatenatedSource(
            [
                ZeroSource(byteCount: 4_096), MemorySource(data), ZeroSource(byteCount: 1 << 20),
                MemorySource(data),
                ZeroSource(byteCount: 100),
            ], named: "disk.img")
        let opened = try OpenedImage(file, named: "disk.img")
        let zeros = { (count: Int) in [UInt8](repeating: 0, count: count) }
        let expected = zeros(4_096) + data + zeros(1 << 20) + data + zeros(512)
        #expect(opened.violations(expected: expected, clusterByteCount: 4_096) == [])
        #expect(opened.image.allocatedByteCount == 16_384)
        #expect(try opened.disk.firstOffset(of: .data, in: 0..<opened.disk.byteCount) == 4_096)
        #expect(try opened.disk.firstOffset(of: .hole, in: 5_000..<opened.disk.byteCount) == 12_288)
        #expect(try opened.disk.firstOffset(of: .hole, in: 5_000..<6_000) == nil)
        // The last sector is filled with zeros that the file does not have.
        let last = opened.disk.byteCount - 512..<opened.disk.byteCount
        #expect(try opened.disk.firstOffset(of: .hole, in: last) == last.lowerBound)
        #expect(try opened.disk.firstOffset(of: .data, in: last) == nil)
    }

    @Test("no one looks for holes until someone asks for them: not opening, not reading, not gathering")
    func holesOnDemand() throws {
        var random = SeededRandom(seed: 4)
        let bytes = random.bytes(70_000)
        let file = CountingSource(MemorySource(bytes))
        let opened = try OpenedImage(file, named: "disk.img")
        let before = file.readCount
        for count in [1, 512, 4_096, 70_000] {
            #expect(try opened.disk.bytes(count, at: 0) == Array(bytes.prefix(count)))
            #expect(try opened.disk.gatheredBytes(count, at: 0) == Array(bytes.prefix(count)))
        }
        // One read of the source for each.
        #expect(file.readCount - before == 8)
        #expect(file.holeQuestionCount == 0)
        _ = try opened.disk.firstOffset(of: .hole, in: 0..<70_000)
        #expect(file.holeQuestionCount == 1)
        let asked = opened.image.allocatedByteCount
        let questions = file.holeQuestionCount
        #expect(asked == 70_000 && questions > 1 && opened.image.allocatedByteCount == asked)
        #expect(file.holeQuestionCount == questions, "counted once")
    }

    @Test("a disk of more pieces than are counted has no less than what is there, and some of its holes")
    func manyPieces() throws {
        let piece: [any ByteSource] = [
            MemorySource([UInt8](repeating: 1, count: 512)), ZeroSource(byteCount: 512),
        ]
        let file = try ConcatenatedSource((0..<1_000).flatMap { _ in piece }, named: "disk.img")
        let allocated = try OpenedImage(file, named: "disk.img").image.allocatedByteCount
        #expect(allocated >= 1_000 * 512 && allocated < 1_000 * 1_024)
    }

    @Test("an offset past the disk is an error, not a trap", arguments: [0, 512, UInt64.max])
    func pastTheDisk(offset: UInt64) throws {
        let image = try RawImage(MemorySource([]), named: "empty.img")
        #expect(throws: ReadError.self) { try image.extent(containing: offset) }
    }
}
