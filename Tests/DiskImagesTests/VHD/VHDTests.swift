// Tests of VHD: the case table, recognition, parents, damage anywhere.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("VHD")
struct VHDTests {
    @Test("each row of the case table answers as its rule says", arguments: VHDCases.table)
    func row(_ row: DiskCase) throws {
        try row.check()
    }

    @Test("rows are told apart by their names")
    func names() {
        let names = VHDCases.table.map(\.row)
        #expect(Set(names).count == names.count)
    }

    @Test("the kind, the identity and the parent are what the footer and the header say")
    func kinds() throws {
        let fixed = try OpenedImage(VHDBuilder(.fixed, [.whole]).build().source, neighbours: BlankParents.all)
            .image
        #expect(fixed.format == .vhdFixed && fixed.parent == nil)
        #expect(fixed.identity == .vhd([UInt8](1...16)))
        let dynamic = try OpenedImage(VHDBuilder.usual.build().source, neighbours: BlankParents.all).image
        #expect(dynamic.format == .vhdDynamic && dynamic.parent == nil && dynamic.format.family == "vhd")
        let child = VHDBuilder.child.with { $0.parentIdentifier = [UInt8](101...116) }
        let differencing = try child.build().openAlone()
        #expect(differencing.format == .vhdDifferencing)
        #expect(
            differencing.parent
                == ParentReference(
                    names: [Array("parent.vhd".utf8)], identities: [.vhd([UInt8](101...116))]))
    }

    @Test(
        "a size that is not whole sectors is kept, with zeros to the next one and a warning",
        arguments: [true, false])
    func partOfSector(isFixed: Bool) throws {
        let builder = isFixed ? VHDBuilder(.fixed, VHDBuilder.usual.blocks) : VHDBuilder.usual
        let disk = builder.with { $0.virtualByteCount = 9 * 8_192 + 100 }.build()
        let opened = try OpenedImage(disk.source, neighbours: BlankParents.all)
        #expect(opened.image.virtualByteCount == 9 * 8_192 + 100 && opened.disk.byteCount == 9 * 8_192 + 512)
        #expect(
            try opened.disk.bytes(Int(opened.disk.byteCount), at: 0) == disk.guest
                + [UInt8](repeating: 0, count: 412))
        #expect(opened.image.warnings == [])
        #expect(opened.disk.warnings == ["the disk ends inside a sector; 412 zeros are added"])
    }

    @Test("a footer at the end that is wrong in any way is a raw disk's last sector")
    func lastSector() throws {
        let fixed = VHDBuilder(.fixed, [.whole]).build()
        let footer = fixed.bytes.count - 512
        var edits: [@Sendable (inout [UInt8]) -> Void] = [{ $0.putBigEndian(UInt64(512), at: 16) }]
        edits.append { $0.putBigEndian(UInt32(0x0001_0001), at: 12) }
        for type in [UInt32(0), 1, 3, 4, 5] { edits.append { $0.putBigEndian(type, at: 60) } }
        for edit in edits {
            let disk = VHDBuilder(.fixed, [.whole]).with { $0.editFooter = edit }.build()
            #expect(try OpenedImage(disk.source, neighbours: BlankParents.all).image.format == .raw)
        }
        for bit in 0..<(512 * 8) {
            var bytes = fixed.bytes
            bytes[footer + bit / 8] ^= 1 << UInt8(bit % 8)
            let opened = try OpenedImage(MemorySource(bytes), neighbours: BlankParents.all)
            #expect(opened.image.format == .raw && opened.disk.byteCount == UInt64(bytes.count))
        }
        // A dynamic one without its start is none either.
        let rest = VHDBuilder.usual.build().bytes.dropFirst(512)
        #expect(try OpenedImage(MemorySource(Array(rest)), neighbours: BlankParents.all).image.format == .raw)
    }

    @Test("what starts like another format is that, whatever it ends with")
    func otherMagic() throws {
        var disk = VHDBuilder(.fixed, [.whole]).build()
        disk.bytes.put([0x1f, 0x8b, 0x08], at: 0)
        #expect(throws: ReadError.self) { try OpenedImage(disk.source, neighbours: BlankParents.all) }
    }

    @Test("the holes of a fixed disk's file are the disk's")
    func holes() throws {
        let footer = VHDBuilder(.fixed, [.whole]).with { $0.virtualByteCount = 4 << 20 }
            .build().bytes.suffix(512)
        let data = SeededBytes.make(8_192)
        let file = try ConcatenatedSource(
            [MemorySource(data), ZeroSource(byteCount: 4 << 20 - 8_192), MemorySource(Array(footer))],
            named: "disk")
        let opened = try OpenedImage(file, neighbours: BlankParents.all)
        #expect(opened.image.format == .vhdFixed && opened.image.allocatedByteCount == 8_192)
        #expect(try opened.disk.firstOffset(of: .hole, in: 0..<opened.disk.byteCount) == 8_192)
        #expect(try opened.disk.firstOffset(of: .data, in: 8_192..<opened.disk.byteCount) == nil)
        #expect(
            opened.violations(
                expected: data + [UInt8](repeating: 0, count: 4 << 20 - 8_192), clusterByteCount: 65_536)
                == [])
    }

    @Test("sectors whose bit is clear are holes, and do not count as stored")
    func bits() throws {
        let disk = VHDBuilder.usual.build()
        let opened = try OpenedImage(disk.source, neighbours: BlankParents.all)
        // 5 whole blocks, and 10 of 16 sectors of two.
        #expect(opened.image.allocatedByteCount == 5 * 8_192 + 2 * 10 * 512)
        #expect(!opened.image.allocationIsEstimate)
        let start = UInt64(3 * 8_192)
        #expect(try opened.disk.firstOffset(of: .hole, in: start..<start + 8_192) == start)
        #expect(try opened.disk.firstOffset(of: .data, in: start..<start + 8_192) == start + 512)
        #expect(try opened.disk.firstOffset(of: .hole, in: (start + 512)..<start + 8_192) == start + 1_536)
        let absent = try opened.image.extent(containing: start)
        #expect(absent == Extent(guestOffset: start, byteCount: 512, storage: .absent))
    }

    @Test(
        "each bit of what describes a disk, flipped: the right bytes, an error, or a raw disk by its cookie")
    func flips() throws {
        let disk = VHDBuilder(.dynamic, [.whole, .absent, .part, .whole]).with { $0.blockByteCount = 2_048 }
            .build()
        var flipCount = 0
        for offset in disk.records.joined() {
            for bit in 0..<8 {
                var bytes = disk.bytes
                bytes[offset] ^= 1 << UInt8(bit)
                flipCount += 1
                guard let opened = try? OpenedImage(MemorySource(bytes), neighbours: BlankParents.all) else {
                    continue
                }
                if opened.image.format == .raw {
                    #expect(offset < 8)
                    continue
                }
                let wrong = opened.firstWrongBlock(of: disk)
                #expect(wrong == nil, "bit \(bit) of byte \(offset): block \(wrong ?? 0)")
            }
        }
        #expect(flipCount > 16_000)
    }

    @Test("changed bytes anywhere never trap", arguments: [1, 2, 3])
    func mutations(seed: UInt64) {
        for disk in [
            VHDBuilder.usual.build(), VHDBuilder.child.build(), VHDBuilder(.fixed, [.whole]).build(),
        ] {
            disk.mutate(rounds: 150, seed: seed) { bytes in
                // With right checksums, so that what they protect is looked at.
                if bytes.count > 1_536, bytes.first == UInt8(ascii: "c") {
                    var header = Array(bytes[512..<1_536])
                    header.putVHDChecksum(at: 36)
                    bytes.put(header, at: 512)
                }
                var footer = Array(bytes.suffix(512))
                footer.putVHDChecksum(at: 64)
                bytes.put(footer, at: bytes.count - 512)
            }
        }
    }

    @Test("a file of any length never traps, and what it gives is right")
    func anyLength() throws {
        let disk = VHDBuilder(.dynamic, [.whole, .part]).with { $0.blockByteCount = 512 }.build()
        for byteCount in 0..<disk.bytes.count {
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

    @Test("a disk of 64 TiB opens at once, with a table that is not held")
    func huge() throws {
        let blockCount = (64 << 40) / (2 << 20)
        let disk = VHDBuilder(.dynamic, [.absent]).with {
            $0.editFooter = { $0.putBigEndian(UInt64(64 << 40), at: 48) }
            $0.editHeader = {
                $0.putBigEndian(UInt32(32 << 20), at: 28)
                $0.putBigEndian(UInt32(2 << 20), at: 32)
            }
        }.build()
        let table = RepeatedByteSource(0xff, byteCount: UInt64(blockCount) * 4)
        let file = CountingSource(
            try ConcatenatedSource(
                [MemorySource(Array(disk.bytes[..<1_536])), table, MemorySource(disk.bytes.suffix(512))],
                named: "disk"))
        let opened = try OpenedImage(
            file, options: .init(budget: OpeningBudget(byteLimit: 4 << 20)), neighbours: BlankParents.all)
        #expect(opened.disk.byteCount == 64 << 40)
        #expect(file.bytesRead < 64 << 10)
        #expect(opened.image.allocationIsEstimate)
        #expect(try opened.disk.bytes(4_096, at: 64 << 40 - 4_096).allSatisfy { $0 == 0 })
        #expect(file.bytesRead < 256 << 10)
    }

    @Test("a table that is held is taken from the budget")
    func budget() throws {
        let disk = VHDBuilder(.dynamic, [VHDBuilder.Block](repeating: .absent, count: 1 << 18)).with {
            $0.blockByteCount = 512
        }.build()
        let error = #expect(throws: ReadError.self) {
            try OpenedImage(
                disk.source, options: .init(budget: OpeningBudget(byteLimit: 1 << 18)),
                neighbours: BlankParents.all)
        }
        guard case .overBudget = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
