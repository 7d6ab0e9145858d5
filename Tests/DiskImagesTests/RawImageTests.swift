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
        #expect(try opened.image.extent(containing: 0).storage == .zeros)
        #expect(try opened.image.extent(containing: 5_000).storage == .stored(at: 5_000))
    }

    @Test("an offset past the disk is an error, not a trap", arguments: [0, 512, UInt64.max])
    func pastTheDisk(offset: UInt64) throws {
        let image = try RawImage(MemorySource([]), named: "empty.img")
        #expect(throws: ReadError.self) { try image.extent(containing: offset) }
    }
}
