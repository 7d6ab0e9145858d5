// Images of the largest disks, which open at once.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("Huge images of formats with one table")
struct HugeBlockImageTests {
    /// One byte, over and over.
    private struct FillSource: ByteSource {
        let byteCount: UInt64
        let byte: UInt8

        func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
            try checkRange(count, at: offset, named: "fill")
            let bytes = [UInt8](repeating: byte, count: count)
            // SAFETY: bytes have no padding.
            output.append(copying: unsafe bytes.span.bytes)
        }
    }

    /// A VDI of 64 TiB whose blocks are all free but the last, in a file of `fileByteCount` bytes.
    private func vdiFile(blockByteCount: UInt64, fileByteCount: UInt64) throws -> ConcatenatedSource {
        let blockCount = (64 << 40) / blockByteCount
        var head = VDIBuilder([.absent]).build().bytes
        head.removeLast(head.count - 512)
        head.put(UInt64(64) << 40, at: 368)
        head.put(UInt32(blockByteCount), at: 376)
        head.put(UInt32(blockCount), at: 384)
        head.put(UInt32(512 + blockCount * 4), at: 344)
        var last = [UInt8](repeating: 0xff, count: 4)
        last.put(UInt32(0), at: 0)
        let map = FillSource(byteCount: blockCount * 4 - 4, byte: 0xff)
        let used = 512 + blockCount * 4
        return try ConcatenatedSource(
            [
                MemorySource(head), map, MemorySource(last),
                FillSource(byteCount: blockByteCount, byte: 0x5a),
                ZeroSource(byteCount: max(fileByteCount, used + blockByteCount) - used - blockByteCount),
            ], named: "disk")
    }

    @Test(
        "a VDI of 64 TiB opens with little memory and is read at its end",
        arguments: [(1 << 20, 0), (32 << 20, 0), (256 << 20, 0), (32 << 20, 64 << 40)] as [(UInt64, UInt64)])
    func vdi(blockByteCount: UInt64, fileByteCount: UInt64) throws {
        let budget = OpeningBudget(byteLimit: 40 << 20)
        let file = CountingSource(try vdiFile(blockByteCount: blockByteCount, fileByteCount: fileByteCount))
        let start = ContinuousClock.now
        let opened = try OpenedImage(file, options: .init(budget: budget))
        // Of a build that is not optimised; an optimised one takes a hundredth.
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(opened.image.virtualByteCount == 64 << 40)
        #expect(budget.usedByteCount <= 32 << 20)
        let end = UInt64(64) << 40
        #expect(try opened.disk.bytes(3, at: end - 3) == [0x5a, 0x5a, 0x5a])
        #expect(try opened.disk.bytes(512, at: end / 2) == [UInt8](repeating: 0, count: 512))
        let data = try opened.disk.firstOffset(of: .data, in: (end - 4_096 * blockByteCount)..<end)
        #expect(data == end - blockByteCount)
    }

    @Test("a Parallels disk of 64 TiB opens with little memory", arguments: [2_048, 65_536])
    func parallels(sectorsPerBlock: UInt32) throws {
        let blockCount = (64 << 40) / (UInt64(sectorsPerBlock) * 512)
        var head = ParallelsBuilder([.absent]).build().bytes
        head.removeLast(head.count - 64)
        head.put(sectorsPerBlock, at: 28)
        head.put(UInt32(blockCount), at: 32)
        head.put(UInt64(64) << 31, at: 36)
        let budget = OpeningBudget(byteLimit: 40 << 20)
        let file = try ConcatenatedSource(
            [MemorySource(head), ZeroSource(byteCount: blockCount * 4 + 1 << 30)], named: "disk")
        let opened = try OpenedImage(file, options: .init(budget: budget))
        #expect(opened.image.virtualByteCount == 64 << 40)
        #expect(try opened.disk.bytes(512, at: 64 << 40 - 512) == [UInt8](repeating: 0, count: 512))
    }

    @Test("a seSparse extent of 62 TiB opens with little memory")
    func seSparse() throws {
        let capacity = UInt64(62) << 31
        var head = SESparseBuilder([.absent]).build().bytes
        head.removeLast(head.count - 1_024)
        let directoryByteCount = capacity / 8 / 4_096 * 8
        head.put(capacity, at: 16)
        head.put(directoryByteCount / 512, at: 136)
        head.put(2 + directoryByteCount / 512, at: 144)
        head.put(2 + directoryByteCount / 512, at: 192)
        let budget = OpeningBudget(byteLimit: 40 << 20)
        let file = try ConcatenatedSource(
            [MemorySource(head), ZeroSource(byteCount: directoryByteCount)], named: "disk")
        let opened = try OpenedImage(file, options: .init(budget: budget, formats: [PartFormat.self]))
        #expect(opened.image.virtualByteCount == capacity * 512)
        #expect(try opened.disk.bytes(512, at: capacity * 512 - 512) == [UInt8](repeating: 0, count: 512))
    }

    @Test("a cloop file of 4 Mi blocks opens, and of more than are held only what is read is looked at")
    func cloop() throws {
        for blockCount in [100_000, 5 << 20] as [UInt64] {
            var head = CloopBuilder([.zeros]).build().bytes
            head.removeLast(head.count - 136)
            head.put(UInt32(blockCount).bigEndian, at: 132)
            // All offsets are the same number: no block has any bytes.
            let file = try ConcatenatedSource(
                [MemorySource(head), FillSource(byteCount: (blockCount + 1) * 8, byte: 1)], named: "disk")
            let opened = try OpenedImage(file)
            #expect(opened.image.virtualByteCount == blockCount * 4_096)
            #expect(throws: ReadError.self) { try opened.disk.bytes(1, at: blockCount * 4_096 - 1) }
        }
    }
}
