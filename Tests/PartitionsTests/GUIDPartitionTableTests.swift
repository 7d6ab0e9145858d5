// Tests of GPT partition tables, row by row of docs/FORMATS.md, "Partitions".
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import Partitions

@Suite("Partition tables: GPT")
struct GUIDPartitionTableTests {
    private static let sound = ["1: 64, 64", "2: 128, 1000"]

    @Test("an entry's index plus 1 is its number; it has type, name and identifier")
    func entries() throws {
        let table = try #require(try PartitionSamples.table(PartitionSamples.gpt()))
        #expect(table.scheme == .gpt)
        #expect(table.sectorByteCount == 512)
        #expect(table.places == Self.sound)
        #expect(table.partitions.map(\.name) == ["EFI System", "Wurzel äöü €"])
        #expect(table.partitions[0].type.description == "04030201-0605-0807-090a-0b0c0d0e0f10")
        #expect(table.partitions[0].identifier == "14131211-1615-1817-191a-1b1c1d1e1f20")
        #expect(table.warnings.isEmpty)
        let gap = PartitionSamples.gpt { table in
            table.entries[0].type = [UInt8](repeating: 0, count: 16)
            table.entries[1].name = String(repeating: "x", count: 36)
        }
        let second = try #require(try PartitionSamples.table(gap))
        #expect(second.places == ["2: 128, 1000"])
        #expect(second.partitions[0].name.count == 36)
    }

    @Test("a table of 4,096 entries is legal, and so are longer entries and headers; three reads get a table")
    func sizes() throws {
        for (count, size) in [(4_096, 128), (4, 128), (8, 512), (0, 128)] {
            let disk = PartitionSamples.gpt(byteCount: 4 << 20) { table in
                table.entryCount = count
                table.entryByteCount = size
                table.headerByteCount = 512
                if count == 0 { table.entries = [] }
                if count == 4_096 { table.entries = (0..<4_096).map { .init(2_000 + $0, 2_000 + $0) } }
            }
            let counted = CountingSource(MemorySource(disk))
            let table = try #require(try PartitionTable.read(from: counted))
            #expect(table.partitions.count == (count == 4_096 ? 4_096 : count == 0 ? 0 : 2))
            #expect(table.warnings.isEmpty)
            #expect(counted.readCount == 3)
            #expect(counted.bytesRead == 1_024 + count * size)
        }
    }

    /// Ways to break the primary table.
    static let refused: [(reason: String, change: @Sendable (inout [UInt8]) -> Void)] = [
        ("the checksum of its header is wrong", { $0[512 + 57] ^= 1 }),
        ("the checksum of its header is wrong", { $0[512 + 16] ^= 1 }),
        ("the checksum of its entries is wrong", { $0[1_024 + 32] ^= 1 }),
        ("its revision is not 1.0", { $0.put(UInt32(0x0002_0000), at: 520) }),
        ("its header has 91 bytes", { $0.put(UInt32(91), at: 524) }),
        ("its header has 513 bytes", { $0.put(UInt32(513), at: 524) }),
        ("its header has 4294967295 bytes", { $0.put(UInt32.max, at: 524) }),
        ("its header is of another sector", { reseal(&$0) { $0.put(UInt64(7), at: 24) } }),
        ("its entries have 64 bytes", { reseal(&$0) { $0.put(UInt32(64), at: 84) } }),
        ("its entries have 192 bytes", { reseal(&$0) { $0.put(UInt32(192), at: 84) } }),
        ("its entries have 0 bytes", { reseal(&$0) { $0.put(UInt32(0), at: 84) } }),
        (
            "its 32769 entries of 128 bytes are more than are read",
            { reseal(&$0) { $0.put(UInt32(32_769), at: 80) } }
        ),
        (
            "its 4294967295 entries of 2147483648 bytes are more than are read",
            {
                reseal(&$0) {
                    $0.put(UInt32.max, at: 80)
                    $0.put(UInt32(1) << 31, at: 84)
                }
            }
        ),
        (
            "its 128 entries of 128 bytes are not on the disk",
            { reseal(&$0) { $0.put(UInt64(4_090), at: 72) } }
        ),
        (
            "its 128 entries of 128 bytes are not on the disk",
            { reseal(&$0) { $0.put(UInt64.max, at: 72) } }
        ),
    ]

    /// Changes the primary header, and gives it a right checksum.
    private static func reseal(_ disk: inout [UInt8], _ change: (inout [UInt8]) -> Void) {
        var header = Array(disk[512..<604])
        change(&header)
        header.put(UInt32(0), at: 16)
        header.put(CyclicRedundancyCheck.ieee.checksum(of: header), at: 16)
        disk.put(header, at: 512)
    }

    @Test(
        "a primary table that breaks a rule is replaced by its copy, with a warning",
        arguments: refused.indices)
    func damagedPrimary(index: Int) throws {
        let (reason, change) = Self.refused[index]
        var disk = PartitionSamples.gpt()
        change(&disk)
        let table = try #require(try PartitionSamples.table(disk))
        #expect(table.places == Self.sound)
        #expect(
            table.warnings == [
                .init(kind: .damaged, text: "the GPT is damaged: \(reason)"),
                .init(kind: .damaged, text: "the GPT's copy at sector 4095 is used"),
            ])
        // Without the copy there is nothing, and nothing of type EE.
        disk.put([UInt8](repeating: 0, count: 512), at: 4_095 * 512)
        let none = try #require(try PartitionSamples.table(disk))
        #expect(none.partitions.isEmpty)
        #expect(none.texts == ["the GPT is damaged: \(reason)"])
    }

    @Test("a primary header that is missing or cannot be read is replaced by the copy in the last sector")
    func missingPrimary() throws {
        let missing = try #require(try PartitionSamples.table(PartitionSamples.gpt { $0.hasPrimary = false }))
        #expect(missing.places == Self.sound)
        #expect(
            missing.texts == ["the GPT at sector 1 is missing", "the GPT's copy at sector 4095 is used"])
        for bad: Range<UInt64> in [600..<601, 1_100..<1_101] {
            let source = FailingSource(MemorySource(PartitionSamples.gpt()), failingIn: bad)
            let table = try #require(try PartitionTable.read(from: source))
            #expect(table.places == Self.sound)
            #expect(
                table.texts == [
                    "the GPT is damaged: \(FailingSource.failure)", "the GPT's copy at sector 4095 is used",
                ])
        }
    }

    @Test("the copy may be where the primary says; a grown disk's primary needs none")
    func grown() throws {
        var disk = PartitionSamples.gpt { $0.copySector = 3_000 }
        #expect(try PartitionSamples.table(disk)?.warnings == [])
        disk[1_024] ^= 1
        let copy = try #require(try PartitionSamples.table(disk))
        #expect(copy.places == Self.sound)
        #expect(copy.texts.last == "the GPT's copy at sector 3000 is used")
        let grown = try #require(
            try PartitionSamples.table(PartitionSamples.gpt() + [UInt8](repeating: 0, count: 1 << 20)))
        #expect(grown.places == Self.sound)
        #expect(grown.warnings.isEmpty)
    }

    @Test("EE without a valid GPT lists nothing, and says so")
    func noTable() throws {
        let disk = PartitionSamples.mbr(1_000, [0: [(0xee, 1, 999)]])
        let table = try #require(try PartitionSamples.table(disk))
        #expect(table.partitions.isEmpty)
        #expect(
            table.warnings == [
                .init(kind: .damaged, text: "the MBR announces a GPT, and there is none")
            ])
        // Whatever else the MBR lists, and however long it says that the GPT is.
        let hybrid = PartitionSamples.mbr(1_000, [0: [(0x83, 100, 10), (0xee, 1, 0)]])
        #expect(try PartitionSamples.table(hybrid)?.partitions.isEmpty == true)
        #expect(try PartitionSamples.table(hybrid)?.warnings.map(\.kind) == [.damaged, .hybrid])
        #expect(try PartitionSamples.table(PartitionSamples.mbr(1, [0: [(0xee, 1, 1)]])) != nil)
    }

    @Test("an MBR without EE wins over a GPT left behind, a GPT over the MBR's own entries")
    func hybrid() throws {
        var disk = PartitionSamples.gpt()
        disk.put(PartitionTableBuilder.bootRecord([(0x83, 200, 10), (0xee, 1, 99)]), at: 0)
        let hybrid = try #require(try PartitionSamples.table(disk))
        #expect(hybrid.scheme == .gpt)
        #expect(hybrid.places == Self.sound)
        #expect(hybrid.warnings.map(\.kind) == [.hybrid])
        disk.put(PartitionTableBuilder.bootRecord([(0x83, 200, 10)]), at: 0)
        let plain = try #require(try PartitionSamples.table(disk))
        #expect(plain.scheme == .mbr)
        #expect(plain.places == ["1: 200, 10"])
        #expect(plain.warnings.isEmpty)
    }

    @Test("sectors have the size that the disk's format says, else 512 bytes, else 4,096")
    func sectorSizes() throws {
        var disk = [UInt8](repeating: 0, count: 4 << 20)
        var builder = PartitionTableBuilder.GPT([.init(16, 31)])
        builder.sectorByteCount = 4_096
        builder.write(onto: &disk)
        for known: UInt64? in [nil, 4_096] {
            let table = try #require(try PartitionSamples.table(disk, sectorByteCount: known))
            #expect(table.sectorByteCount == 4_096)
            #expect(table.partitions.map(\.offset) == [65_536])
            #expect(table.partitions.map(\.byteCount) == [65_536])
            #expect(table.warnings.isEmpty)
        }
        #expect(try PartitionSamples.table(disk, sectorByteCount: 512)?.partitions.isEmpty == true)
        // A primary table of 4,096 goes before a copy of 512 that was left in the last sector.
        var both = disk
        var left = PartitionTableBuilder.GPT([.init(100, 200)])
        left.hasPrimary = false
        left.write(onto: &both)
        #expect(try PartitionSamples.table(both)?.places == ["1: 16, 16"])
        // The copy is found with sectors of 4,096 bytes, too.
        disk.put([UInt8](repeating: 0, count: 4_096), at: 4_096)
        let copy = try #require(try PartitionSamples.table(disk))
        #expect(copy.places == ["1: 16, 16"])
        #expect(copy.texts.last == "the GPT's copy at sector 1023 is used")
    }

    @Test("partitions are cut to the disk; empty ones and those behind it are absent; all with a warning")
    func pastTheEnd() throws {
        let disk = PartitionSamples.gpt { table in
            table.entries = [
                .init(4_000, 5_000), .init(4_096, 5_000), .init(9, 8), .init(4_095, .max), .init(0, .max),
                .init(.max, .max),
            ]
        }
        let table = try #require(try PartitionSamples.table(disk))
        #expect(table.places == ["1: 4000, 96", "4: 4095, 1", "5: 0, 4096"])
        #expect(table.partitions.allSatisfy { $0.isCutShort && $0.end == 2 << 20 })
        #expect(table.partitions[0].declaredByteCount == 1_001 * 512)
        #expect(
            Array(table.texts.prefix(3)) == [
                "partition 2 starts behind the end of the disk: it is not shown",
                "partition 3 is empty: it is not shown",
                "partition 6 starts behind the end of the disk: it is not shown",
            ])
        #expect(table.warnings.count(where: { $0.kind == .outside }) == 6)
        #expect(table.warnings.count(where: { $0.kind == .overlap }) == 2)
    }

    @Test("a disk is read at most as often as the table and its copies ask for")
    func bounded() throws {
        // A primary and two copies, each with entries of 4 MiB whose checksum is wrong.
        var disk = [UInt8](repeating: 0, count: 24 << 20)
        var table = PartitionTableBuilder.GPT([])
        table.entryCount = 32_768
        table.write(onto: &disk)
        table.copySector = 30_000
        table.write(onto: &disk)
        for place in [2_000, 30_000 * 512 - 5, disk.count - 600] { disk[place] ^= 1 }
        let counted = CountingSource(MemorySource(disk))
        let found = try #require(try PartitionTable.read(from: counted))
        #expect(found.partitions.isEmpty)
        #expect(found.warnings.count == 3)
        #expect(counted.bytesRead == 3 * (4 << 20) + 3 * 512 + 512 + 2 * 4_096)
    }

    @Test("entries and records of any content never trap, and give partitions inside the disk only")
    func random() throws {
        var random = SeededRandom(seed: 5)
        for _ in 0..<100 {
            let disk = PartitionSamples.gpt { table in
                table.entryCount = 8
                table.entries = (0..<8).map { _ in
                    var entry = PartitionTableBuilder.Entry(
                        random.next() >> UInt64.random(in: 0..<64, using: &random),
                        random.next() >> UInt64.random(in: 0..<64, using: &random))
                    entry.type = random.bytes(16)
                    return entry
                }
            }
            for partition in try PartitionSamples.table(disk)?.partitions ?? [] {
                #expect(partition.byteCount > 0 && partition.end <= 2 << 20, "seed \(random.seed)")
            }
        }
        var records: [Int: [BootEntry]] = [
            0: [(0x83, 10, 20), (5, 100, 3_000)], 100: [(0x83, 10, 20), (5, 200, 10)], 300: [(0x83, 5, 5)],
        ]
        records[2_000] = []
        let chain = PartitionSamples.mbr(4_096, records)
        for _ in 0..<2_000 {
            var disk = chain
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let sector = [0, 100, 300].randomElement(using: &random) ?? 0
                disk[sector * 512 + Int.random(in: 440..<512, using: &random)] =
                    UInt8.random(in: 0...255, using: &random)
            }
            for partition in try PartitionSamples.table(disk)?.partitions ?? [] {
                #expect(partition.byteCount > 0 && partition.end <= 2 << 20, "seed \(random.seed)")
            }
        }
    }
}
