// Tests of qcow images that are large, or ask for much.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("Large qcow images")
struct QCOWLargeTests {
    /// A file of a header, a first-level table of zeros but for its last entry, the table that this leads to, and a cluster
    /// of sevens, which is the disk's last one.
    private func file(clusterBits: UInt64, virtualByteCount: UInt64) throws -> any ByteSource {
        let geometry = QCOWGeometry(
            encoding: .version3, clusterBits: clusterBits, tableBits: clusterBits - 3, compression: .deflate)
        let cluster = geometry.clusterByteCount
        let entryCount = geometry.firstLevelEntryCount(for: virtualByteCount)
        let firstLevelByteCount = (entryCount * 8 + cluster - 1) / cluster * cluster
        var header = QCOWBuilder([]).with { $0.clusterBits = Int(clusterBits) }.build()
        header.setHeader(virtualByteCount, at: 24)
        header.setHeader(UInt32(entryCount), at: 36)
        header.setHeader(cluster, at: 40)
        header.setHeader(UInt64(0), at: 48)
        let table = cluster + firstLevelByteCount
        var firstLevelEnd = [UInt8](repeating: 0, count: Int(firstLevelByteCount - entryCount * 8 + 8))
        firstLevelEnd.put(table.byteSwapped, at: 0)
        var end = [UInt8](repeating: 0, count: Int(cluster)) + [UInt8](repeating: 7, count: Int(cluster))
        let lastIndex = (virtualByteCount - 1) >> clusterBits & (1 << geometry.tableBits - 1)
        end.put((table + cluster).byteSwapped, at: Int(lastIndex) * 8)
        return try ConcatenatedSource(
            [
                MemorySource(Array(header.bytes.prefix(Int(cluster)))),
                ZeroSource(byteCount: entryCount * 8 - 8),
                MemorySource(firstLevelEnd), MemorySource(end),
            ], named: "disk.qcow2")
    }

    @Test(
        "a disk of 64 TiB is open at once",
        arguments: [(16, 2 << 20, 2 << 20), (9, 1 << 20, 1 << 20), (12, 1 << 20, 1 << 20)])
    func sixtyFourTebibytes(clusterBits: UInt64, mostRead: Int, mostTaken: UInt64) throws {
        let source = CountingSource(try file(clusterBits: clusterBits, virtualByteCount: 64 << 40))
        let budget = OpeningBudget()
        let start = ContinuousClock.now
        let opened = try OpenedImage(source, options: .init(budget: budget))
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(source.bytesRead < mostRead)
        #expect(budget.usedByteCount < mostTaken)
        #expect(opened.image.virtualByteCount == 64 << 40)
        let last = opened.disk.byteCount - 512
        #expect(try opened.disk.bytes(512, at: last) == [UInt8](repeating: 7, count: 512))
        #expect(try opened.disk.bytes(512, at: 1 << 45) == [UInt8](repeating: 0, count: 512))
        #expect(opened.image.warnings.isEmpty == (clusterBits == 16))
        #expect(opened.image.allocatedByteCount > 0)
        #expect(opened.image.allocatedByteCount < 64 << 40)
    }

    @Test("a first-level table of 32 MiB is held, and found to name a table twice")
    func largestHeld() throws {
        // 4 Mi tables of 64 clusters of 512 bytes.
        let source = try file(clusterBits: 9, virtualByteCount: 1 << 37)
        let budget = OpeningBudget()
        let opened = try OpenedImage(source, options: .init(budget: budget))
        #expect(opened.image.warnings == [])
        #expect((32 << 20..<34 << 20).contains(budget.usedByteCount))
        #expect(try opened.disk.bytes(512, at: opened.disk.byteCount - 512).first == 7)
        let error = #expect(throws: ReadError.self) {
            try OpenedImage(source, options: .init(budget: OpeningBudget(byteLimit: 16 << 20)))
        }
        guard case .overBudget = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("many snapshots with large tables cost what their names do")
    func snapshotsTimesTables() throws {
        let count = 20_000
        var builder = QCOWBuilder([.plain(.text)])
        builder.snapshots = (0..<count).map { _ in QCOWBuilder.Snapshot("s", []) }
        var image = builder.build()
        // Each is a disk of 4 GiB with a table of 1 MiB, all of which lie in zeros behind the file.
        let table = UInt64(image.alignEnd())
        for (number, entry) in image.places.snapshotEntries.enumerated() {
            image.bytes.put((table + UInt64(number) << 20).byteSwapped, at: entry)
            image.bytes.put(UInt32(1 << 17).byteSwapped, at: entry + 8)
            image.bytes.put((UInt64(4) << 30).byteSwapped, at: entry + 48)
        }
        let source = CountingSource(
            try ConcatenatedSource(
                [image.source, ZeroSource(byteCount: UInt64(count) << 20)], named: "disk.qcow2"))
        let budget = OpeningBudget()
        do {
            let start = ContinuousClock.now
            let opened = try OpenedImage(source, options: .init(budget: budget))
            #expect(ContinuousClock.now - start < .seconds(30))
            #expect(opened.image.snapshots.count == count)
            #expect(source.bytesRead < 4 << 20)
            // And what comparing the tables of one of them takes.
            #expect(
                (UInt64(count * 1_024)...UInt64(count * 1_100 + 6 << 20)).contains(budget.usedByteCount))
            #expect(try opened.disk.bytes(512, at: 0) == Array(image.guest.prefix(512)))
            // Looking 2^17 entries up one by one for each takes minutes.
            let counting = ContinuousClock.now
            #expect(opened.image.snapshots.count { $0.image.allocatedByteCount == 0 } > 10)
            #expect(ContinuousClock.now - counting < .seconds(40))
        }
        // What every image of a chain takes is for good.
        #expect(budget.usedByteCount < 1 << 20)
        // With less memory they are not there; the disk is.
        let small = try OpenedImage(source, options: .init(budget: OpeningBudget(byteLimit: 8 << 20)))
        #expect(small.image.snapshots.isEmpty)
        #expect(
            small.image.warnings.contains { $0.contains("20000 snapshots are not shown: snapshots of") },
            "\(small.image.warnings)")
        #expect(try small.disk.bytes(512, at: 0) == Array(image.guest.prefix(512)))
    }

    @Test("tables are read in parts, and a disk shares them with its snapshots")
    func tableParts() throws {
        // One table of 64 KiB: 8,192 entries of 64 KiB.
        var clusters = [QCOWClusterContent](repeating: .absent, count: 8_000)
        clusters[0] = .plain(.text)
        clusters[7_999] = .compressed(.text)
        let image = QCOWBuilder(clusters).with {
            $0.clusterBits = 16
            $0.virtualByteCount = 8_000 << 16
        }.build()
        let source = CountingSource(image.source)
        let opened = try OpenedImage(source)
        let before = source.bytesRead
        #expect(try opened.disk.bytes(512, at: 0) == Array(image.guest.prefix(512)))
        // Opening has gone through the last table, to see whether the file has what it names.
        #expect(source.bytesRead - before == 512)
        let last = UInt64(7_999) << 16
        #expect(
            try opened.disk.bytes(65_536, at: last) == Array(image.guest.suffix(65_536)))
        #expect(try opened.disk.firstOffset(of: .data, in: 65_536..<opened.disk.byteCount) == last)
        // The file ends inside of the third part of the table.
        var cut = image
        let table = image.places.tables[0] ?? 0
        let start = cut.alignEnd()
        cut.bytes += image.bytes[table..<(table + 40_000)]
        cut.setFirstLevelEntry(0, to: UInt64(start))
        let disk = try OpenedImage(cut.source).disk
        #expect(try disk.bytes(512, at: 4_999 << 16) == [UInt8](repeating: 0, count: 512))
        #expect(throws: ReadError.self) { try disk.bytes(512, at: 5_000 << 16) }
        #expect(throws: ReadError.self) { try disk.bytes(512, at: last) }
    }
}
