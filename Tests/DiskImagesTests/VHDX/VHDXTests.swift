// Tests of VHDX: the case table, parents, damage anywhere, large disks.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("VHDX")
struct VHDXTests {
    @Test("each row of the case table answers as its rule says", arguments: VHDXCases.table)
    func row(_ row: DiskCase) throws {
        try row.check()
    }

    @Test("rows are told apart by their names")
    func names() {
        let names = (VHDXCases.table + VHDXLogCases.replayed + VHDXLogCases.refused).map(\.row)
        #expect(Set(names).count == names.count)
    }

    @Test("the kind, the identity, the sector and the parent are what headers and metadata say")
    func kinds() throws {
        let dynamic = try OpenedImage(VHDXCases.usual.source, neighbours: BlankParents.all).image
        #expect(dynamic.format == .vhdxDynamic && dynamic.parent == nil && dynamic.sectorByteCount == 512)
        #expect(dynamic.identity == .vhdx([UInt8](1...16)))
        #expect(dynamic.allocatedByteCount == 2 << 20 && !dynamic.allocationIsEstimate)
        let fixed = VHDXBuilder([.whole]).with {
            $0.isFixed = true
            $0.sectorByteCount = 4_096
        }
        let opened = try OpenedImage(fixed.build().source, neighbours: BlankParents.all).image
        #expect(opened.format == .vhdxFixed && opened.sectorByteCount == 4_096)
        let child = try OpenedImage(VHDXCases.child.source, neighbours: BlankParents.all).image
        #expect(child.format == .vhdxDifferencing && child.format.family == "vhdx")
        #expect(
            child.parent
                == ParentReference(names: [Array("parent.vhdx".utf8)], identities: [.vhdx([UInt8](1...16))]))
    }

    @Test("sectors whose bit is clear do not count as stored")
    func bits() throws {
        let opened = try OpenedImage(VHDXCases.child.source, neighbours: BlankParents.all)
        // Of 2,048 sectors 1,365 have one of the other two numbers.
        #expect(opened.image.allocatedByteCount == 1 << 20 + 2 * 1_365 * 512)
        #expect(!opened.image.allocationIsEstimate)
        let start = UInt64(2 << 20)
        #expect(
            try opened.image.extent(containing: start)
                == Extent(guestOffset: start, byteCount: 512, storage: .absent))
    }

    @Test("after so many blocks the entry of a bitmap is counted, and not read in a dynamic disk")
    func groups() throws {
        // 16 blocks of 256 MiB to a bitmap.
        var disk = VHDXBuilder([.absent]).build()
        disk.bytes.put(UInt32(256 << 20), at: VHDXBuilder.itemsOffset)
        disk.bytes.put(UInt64(18 * 256) << 20, at: VHDXBuilder.itemsOffset + 8)
        disk.bytes.put(UInt64.max, at: disk.table + 16 * 8)
        disk.bytes.put(UInt64(4 << 20) | 6, at: disk.table + 17 * 8)
        let data = SeededBytes.make(4_096)
        let file = try ConcatenatedSource(
            [MemorySource(disk.bytes), MemorySource(data), ZeroSource(byteCount: 256 << 20 - 4_096)],
            named: "disk")
        let opened = try OpenedImage(file, neighbours: BlankParents.all)
        #expect(try opened.disk.bytes(4_096, at: 16 * 256 << 20) == data)
        #expect(try opened.disk.firstOffset(of: .data, in: 0..<opened.disk.byteCount) == 16 * 256 << 20)
        #expect(
            try opened.disk.firstOffset(of: .hole, in: (16 * 256 << 20)..<opened.disk.byteCount) == 17 * 256
                << 20)
    }

    @Test("the last chunk of a differencing disk has to have the entry of its bitmap")
    func lastChunk() throws {
        var disk = VHDXCases.child
        // 131,072 entries: 31 groups of 4,097, and 4,065 more, which are not a whole one.
        disk.bytes.put(UInt64(31 * 4_096) << 20, at: VHDXBuilder.itemsOffset + 8)
        #expect(
            try OpenedImage(disk.source, neighbours: BlankParents.all).disk.byteCount == UInt64(31 * 4_096)
                << 20)
        disk.bytes.put(UInt64(31 * 4_096 + 1) << 20, at: VHDXBuilder.itemsOffset + 8)
        let error = #expect(throws: ReadError.self) {
            try OpenedImage(disk.source, neighbours: BlankParents.all)
        }
        #expect(error?.description.contains("entries of 8 bytes") == true)
        // Without a parent it need not.
        var alone = VHDXCases.usual
        alone.bytes.put(UInt64(31 * 4_096 + 1) << 20, at: VHDXBuilder.itemsOffset + 8)
        #expect(try OpenedImage(alone.source).disk.byteCount == UInt64(31 * 4_096 + 1) << 20)
    }

    @Test("the holes of a fixed disk's file are the disk's")
    func holes() throws {
        let disk = VHDXBuilder([.whole, .whole]).with { $0.isFixed = true }.build()
        let file = try ConcatenatedSource(
            [
                MemorySource(Array(disk.bytes[..<(5 << 20)])), ZeroSource(byteCount: 1 << 20),
            ], named: "disk")
        let opened = try OpenedImage(file, neighbours: BlankParents.all)
        #expect(try opened.disk.firstOffset(of: .hole, in: 0..<opened.disk.byteCount) == 1 << 20)
        #expect(try opened.disk.firstOffset(of: .data, in: (1 << 20)..<opened.disk.byteCount) == nil)
        #expect(opened.image.allocatedByteCount == 2 << 20)
    }

    @Test("a disk of 64 TiB opens at once, with a table of 512 MiB that is not held")
    func huge() throws {
        var disk = VHDXBuilder([.absent]).build()
        let tableByteCount = UInt64(513 << 20)
        disk.editVHDXRegions { $0.put(UInt32(tableByteCount), at: 40) }
        disk.bytes.put(UInt64(64 << 40), at: VHDXBuilder.itemsOffset + 8)
        let file = CountingSource(
            try ConcatenatedSource(
                [MemorySource(Array(disk.bytes[..<(3 << 20)])), ZeroSource(byteCount: tableByteCount)],
                named: "disk"))
        let opened = try OpenedImage(
            file, options: .init(budget: OpeningBudget(byteLimit: 4 << 20)), neighbours: BlankParents.all)
        #expect(opened.disk.byteCount == 64 << 40)
        #expect(file.bytesRead < 512 << 10)
        #expect(try opened.disk.bytes(4_096, at: 64 << 40 - 4_096).allSatisfy { $0 == 0 })
        #expect(file.bytesRead < 1 << 20)
    }

    @Test(
        "each bit of what describes a disk, flipped: the right bytes, an error, or what no checksum protects")
    func flips() throws {
        let disk = VHDXBuilder([.whole, .zero, .whole]).build()
        var wrong: [Int] = []
        var flipCount = 0
        // Of the checksummed records, a bit here and there: any of them is as good.
        for offset in disk.records.joined() where offset >= 1 << 20 || offset % 331 == 0 {
            for bit in 0..<8 {
                var bytes = disk.bytes
                bytes[offset] ^= 1 << UInt8(bit)
                flipCount += 1
                guard let opened = try? OpenedImage(MemorySource(bytes), neighbours: BlankParents.all) else {
                    continue
                }
                if opened.image.format == .raw {
                    #expect(offset < 8)
                } else if opened.firstWrongBlock(of: disk, sampled: true) != nil {
                    wrong.append(offset * 8 + bit)
                }
            }
        }
        #expect(flipCount > 2_500)
        print("of \(flipCount) flipped bits \(wrong.count) gave another disk: \(wrong)")
        // The size of the disk, of its blocks, and where a block is: nothing tells that they are others.
        let items = VHDXBuilder.itemsOffset..<(VHDXBuilder.itemsOffset + 20)
        for place in wrong {
            let offset = place / 8
            let isState = offset >= disk.table && (offset - disk.table) % 8 == 0
            let isPlace = offset >= disk.table && (offset - disk.table) % 8 >= 2
            let isTable = (VHDXBuilder.metadataOffset..<VHDXBuilder.itemsOffset).contains(offset)
            #expect(
                items.contains(offset) || isState || isPlace || isTable, "bit \(place % 8) of byte \(offset)")
        }
    }

    @Test("changed bytes anywhere never trap", arguments: [1, 2, 3])
    func mutations(seed: UInt64) {
        for disk in [VHDXCases.usual, VHDXCases.child] {
            disk.mutate(rounds: 40, seed: seed) { bytes in
                for (start, byteCount) in [(64, 4), (128, 4), (192, 64), (256, 64)] {
                    var record = Array(bytes[(start << 10)..<((start + byteCount) << 10)])
                    record.putVHDXChecksum()
                    bytes.put(record, at: start << 10)
                }
            }
        }
    }

    @Test("a file of any length never traps, and what it gives is right")
    func anyLength() throws {
        let disk = VHDXCases.child
        let ends = [0, 4, 64, 128, 132, 192, 256, 320, 1_024, 2_048, 3_072, 4_096, 5_120, 8_192].map {
            $0 << 10
        }
        for end in ends {
            for byteCount in [end - 1, end, end + 1] where (0...disk.bytes.count).contains(byteCount) {
                guard
                    let opened = try? OpenedImage(
                        MemorySource(Array(disk.bytes[..<byteCount])), neighbours: BlankParents.all)
                else {
                    continue
                }
                if opened.image.format == .raw {
                    #expect(byteCount < 8)
                } else {
                    #expect(opened.firstWrongBlock(of: disk) == nil)
                }
            }
        }
    }
}
