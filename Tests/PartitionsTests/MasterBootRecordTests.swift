// Tests of MBR partition tables, row by row of docs/FORMATS.md, "Partitions".
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import Partitions

@Suite("Partition tables: MBR")
struct MasterBootRecordTests {
    @Test("slots 1 to 4 are partitions 1 to 4, with the disk's signature in their identifiers")
    func slots() throws {
        let disk = PartitionSamples.mbr(
            4_000, [0: [(0x83, 10, 100), (0, 0, 0), (0x82, 200, 50), (0x0c, 1_000, 1)]],
            signature: 0x0abc_def1)
        let table = try #require(try PartitionSamples.table(disk))
        #expect(table.scheme == .mbr)
        #expect(table.places == ["1: 10, 100", "3: 200, 50", "4: 1000, 1"])
        #expect(table.partitions.map(\.identifier) == ["0abcdef1-01", "0abcdef1-03", "0abcdef1-04"])
        #expect(table.partitions.map(\.type.description) == ["83", "82", "0c"])
        #expect(table.partitions.allSatisfy { $0.name.isEmpty && !$0.isCutShort })
        #expect(table.warnings.isEmpty)
        let unsigned = try #require(
            try PartitionSamples.table(PartitionSamples.mbr(4_000, [0: [(0x83, 10, 100)]])))
        #expect(unsigned.partitions.map(\.identifier) == [""])
    }

    @Test("without 55 AA, with another status byte or with nothing in it, there is no table")
    func none() throws {
        #expect(try PartitionSamples.table([]) == nil)
        #expect(try PartitionSamples.table([UInt8](repeating: 0, count: 511)) == nil)
        #expect(try PartitionTable.read(from: ZeroSource(byteCount: 1 << 20)) == nil)
        let sound = PartitionSamples.mbr(100, [0: [(0x83, 10, 20)]])
        #expect(try PartitionSamples.table(sound) != nil)
        for (place, byte) in [(510, 0x54), (511, 0xab), (446, 0x81), (462, 1), (478, 0x7f), (494, 0xff)] {
            var disk = sound
            disk[place] = UInt8(byte)
            #expect(try PartitionSamples.table(disk) == nil, "byte \(place)")
        }
        for place in [446, 462, 478, 494] {
            var disk = sound
            disk[place] = 0x80
            #expect(try PartitionSamples.table(disk)?.partitions.count == 1)
        }
        #expect(try PartitionSamples.table(PartitionSamples.mbr(100, [0: []])) == nil)
    }

    @Test("a boot sector of a file system has none, though it ends with the same bytes")
    func bootSector() throws {
        var disk = PartitionSamples.mbr(100, [0: []])
        // A FAT boot sector has text where the entries would be.
        for index in 446..<510 { disk[index] = UInt8(0x41 + index % 26) }
        #expect(try PartitionSamples.table(disk) == nil)
    }

    @Test("start and length are 32 bits, their sum and the byte offset are not")
    func large() throws {
        let entries: [BootEntry] = [(0x83, 0xffff_ffff, 0xffff_ffff), (0x83, 1, 0xffff_ffff)]
        let large = HugeDisk(PartitionTableBuilder.bootRecord(entries), byteCount: 1 << 62)
        let table = try #require(try PartitionTable.read(from: large))
        #expect(table.places == ["1: 4294967295, 4294967295", "2: 1, 4294967295"])
        #expect(table.partitions[0].end == (0xffff_ffff + 0xffff_ffff) * 512)
        let wide = try #require(try PartitionTable.read(from: large, sectorByteCount: 4_096))
        #expect(wide.partitions[0].offset == 0xffff_ffff * 4_096)
    }

    @Test("units are the disk's sectors")
    func sectors() throws {
        let disk = PartitionSamples.mbr(
            200, [0: [(0x83, 10, 20), (5, 100, 50)], 100: [(0x83, 5, 10)]], sectorByteCount: 4_096)
        let table = try #require(try PartitionSamples.table(disk, sectorByteCount: 4_096))
        #expect(table.places == ["1: 10, 20", "5: 105, 10"])
        #expect(table.partitions.map(\.offset) == [40_960, 105 * 4_096])
        // A size that no disk has says nothing.
        #expect(try PartitionSamples.table(disk, sectorByteCount: 3)?.sectorByteCount == 512)
    }

    @Test("one that starts behind the disk is absent, one that reaches past it is cut; both with a warning")
    func pastTheEnd() throws {
        let disk = PartitionSamples.mbr(
            1_000, [0: [(0x83, 10, 1_000), (0x83, 1_000, 10), (0x83, 0xffff_ffff, 1), (0x83, 999, 0)]])
        let table = try #require(try PartitionSamples.table(disk))
        #expect(table.places == ["1: 10, 990"])
        #expect(table.partitions[0].isCutShort)
        #expect(table.partitions[0].declaredByteCount == 512_000)
        #expect(table.partitions[0].end == 512_000)
        #expect(table.warnings.allSatisfy { $0.kind == .outside })
        #expect(
            table.texts == [
                "partition 2 starts behind the end of the disk: it is not shown",
                "partition 3 starts behind the end of the disk: it is not shown",
                "partition 1 ends 5120 bytes behind the end of the disk: it is shown as far as the disk goes",
            ])
    }

    @Test("partitions that overlap are shown, with a warning")
    func overlapping() throws {
        let disk = PartitionSamples.mbr(2_000, [0: [(0x83, 10, 1_000), (0x83, 500, 10), (0x83, 1_010, 1)]])
        let table = try #require(try PartitionSamples.table(disk))
        #expect(table.partitions.count == 3)
        #expect(table.warnings == [.init(kind: .overlap, text: "partitions 1 and 2 overlap")])
    }

    @Test("the container is not shown; logical partitions count from their record, links from the container")
    func logical() throws {
        for type: UInt8 in [0x05, 0x0f, 0x85] {
            let disk = PartitionSamples.mbr(
                8_000,
                [
                    0: [(0x83, 10, 20), (type, 100, 7_000)],
                    // The link may be first, and the partition may be empty.
                    100: [(type, 200, 100), (0x83, 10, 20)],
                    300: [(0x83, 0, 0), (type, 400, 100)],
                    500: [(0x82, 10, 20)],
                ], signature: 0x1234_5678)
            let table = try #require(try PartitionSamples.table(disk))
            #expect(table.places == ["1: 10, 20", "5: 110, 20", "6: 510, 20"])
            #expect(table.partitions.map(\.identifier) == ["12345678-01", "12345678-05", "12345678-06"])
            #expect(table.warnings.isEmpty)
        }
    }

    @Test("as in Linux, a type of 0 with a length is a partition, and a record may have several")
    func numbers() throws {
        let disk = PartitionSamples.mbr(
            8_000,
            [
                0: [(0, 64, 10), (0x83, 90, 5), (5, 100, 5_000)],
                100: [(0, 10, 20), (0x83, 40, 5), (5, 100, 50)],
                // The last two count only where they are inside of the link that led here, and of the container.
                200: [(0x83, 10, 20), (5, 300, 60), (0x83, 40, 5), (0x83, 40, 11)],
                400: [(0x83, 10, 20), (0, 0, 0), (0x83, 55, 5), (0x83, 0xffff_fff0, 0xffff_fff0)],
            ])
        let table = try #require(try PartitionSamples.table(disk))
        #expect(
            table.places == [
                "1: 64, 10", "2: 90, 5", "5: 110, 20", "6: 140, 5", "7: 210, 20", "8: 240, 5", "9: 410, 20",
                "10: 455, 5",
            ])
    }

    @Test("two containers are read one after the other")
    func containers() throws {
        let disk = PartitionSamples.mbr(
            8_000,
            [
                0: [(5, 1_000, 1_000), (0x0f, 3_000, 1_000)], 1_000: [(0x83, 10, 20)],
                3_000: [(0x83, 30, 40)],
            ])
        #expect(try PartitionSamples.table(disk)?.places == ["5: 1010, 20", "6: 3030, 40"])
    }

    /// Where the chain ends, and what is said of it.
    static let ends: [(link: BootEntry, end: String)] = [
        ((5, 0, 10), "comes back to sector 100"),
        ((5, 7_900, 10), "leads out of its container, to sector 8000"),
        ((5, 0xffff_ffff, 10), "leads out of its container, to sector 4294967395"),
        ((5, 500, 10), "ends at sector 600, without a record"),
        ((5, 7_850, 10), "ends at sector 7950, without a record"),
    ]

    @Test(
        "a chain ends at a link outside of disk or container, without 55 AA, or seen before", arguments: ends)
    func chainEnd(link: BootEntry, end: String) throws {
        // The container reaches past the disk's end.
        let disk = PartitionSamples.mbr(7_940, [0: [(5, 100, 7_900)], 100: [(0x83, 10, 20), link]])
        let table = try #require(try PartitionSamples.table(disk))
        #expect(table.places == ["5: 110, 20"])
        #expect(table.warnings == [.init(kind: .damaged, text: "the chain of logical partitions \(end)")])
    }

    @Test("a record that cannot be read ends the chain, and a first sector that cannot be read is an error")
    func unreadable() throws {
        let disk = MemorySource(
            PartitionSamples.mbr(1_000, [0: [(0x83, 10, 20), (5, 100, 800)], 100: [(0x83, 5, 5)]]))
        let table = try #require(
            try PartitionTable.read(from: FailingSource(disk, failingIn: 51_300..<51_301)))
        #expect(table.places == ["1: 10, 20"])
        #expect(table.warnings.map(\.kind) == [.damaged])
        #expect(throws: FailingSource.failure) {
            try PartitionTable.read(from: FailingSource(disk, failingIn: 0..<1))
        }
    }

    @Test("at most 1,000 records are followed, however many containers there are")
    func longChain() throws {
        func disk(chainOf count: Int) -> [UInt8] {
            var records: [Int: [BootEntry]] = [0: [(5, 100, 5_000)]]
            for sector in 100..<(100 + count) {
                records[sector] = [(0x83, 3_000, 1), (5, UInt32(sector - 99), 1)]
            }
            records[99 + count] = [(0x83, 3_000, 1)]
            return PartitionSamples.mbr(8_192, records)
        }
        let whole = try #require(try PartitionSamples.table(disk(chainOf: 1_000)))
        #expect(whole.partitions.count == 1_000)
        #expect(whole.partitions.last?.number == 1_004)
        #expect(whole.warnings.isEmpty)
        let counted = CountingSource(MemorySource(disk(chainOf: 1_100)))
        let cut = try #require(try PartitionTable.read(from: counted))
        #expect(cut.partitions.count == 1_000)
        #expect(cut.texts == ["there are more than 1000 logical partitions; the rest is not shown"])
        #expect(counted.readCount == 1_001)
    }

    @Test("what is wrong with thousands of partitions is said a few times, and counted")
    func manyWarnings() throws {
        var records: [Int: [BootEntry]] = [0: [(5, 100, 5_000)]]
        for sector in 100..<400 { records[sector] = [(0x83, 0xffff_ffff, 1), (5, UInt32(sector - 99), 1)] }
        records[400] = []
        let table = try #require(try PartitionSamples.table(PartitionSamples.mbr(6_000, records)))
        #expect(table.partitions.isEmpty)
        #expect(table.warnings.count == PartitionNotes.maximumCount + 1)
        #expect(table.texts.last == "and 290 more like that")
    }
}

/// A record, and nothing but zeros behind it.
private struct HugeDisk: ByteSource {
    let record: [UInt8]
    let byteCount: UInt64

    init(_ record: [UInt8], byteCount: UInt64) {
        self.record = record
        self.byteCount = byteCount
    }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        for index in 0..<UInt64(count) {
            let place = offset + index
            output.append(place < UInt64(record.count) ? record[Int(place)] : 0)
        }
    }
}
