// Tests of how a VMDK's map is read: how much of the file, and how it is put together.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("The map of a VMDK")
struct VMDKSparseExtentTests {
    private func extents(_ image: any DiskImage) throws(ReadError) -> [Extent] {
        var result: [Extent] = []
        var position: UInt64 = 0
        while position < image.virtualByteCount {
            let extent = try image.extent(containing: position)
            result.append(extent)
            position = extent.guestEnd
        }
        return result
    }

    @Test("opening a stream costs two reads, of its head and of its tail, and its tables are left alone")
    func openingReads() throws {
        var builder = StreamOptimizedBuilder(Array(repeating: .noise, count: 100))
        builder.entriesPerTable = 16
        let file = CountingSource(builder.build().source)
        let opened = try OpenedImage(file)
        #expect(file.readCount == 2)
        #expect(file.bytesRead <= OpeningReader.headByteCount + OpeningReader.tailByteCount)
        _ = try opened.image.extent(containing: 0)
        #expect(file.readCount == 3)
        _ = try opened.image.extent(containing: 8_192)
        #expect(file.readCount == 3)
    }

    @Test(
        "opening an image with its directory at the front costs two reads: of its head, and of its last grain's marker"
    )
    func openingReadsAtFront() throws {
        var builder = StreamOptimizedBuilder(Array(repeating: .noise, count: 100))
        builder.directoryPlace = .front
        let file = CountingSource(builder.build().source)
        _ = try OpenedImage(file)
        #expect(file.readCount == 2)
        #expect(file.bytesRead <= OpeningReader.headByteCount + 14)
    }

    @Test("a disk of 1 TiB opens with less than 1 MiB read, and its holes are found without reading a table")
    func largeDisk() throws {
        var builder = StreamOptimizedBuilder([.text])
        builder.grainSizeInSectors = 128
        var image = builder.build()
        // A directory for 1 TiB in place of the one for a grain: 32,768 entries, of which the first is the table.
        var marker = [UInt8](repeating: 0, count: 512)
        marker.put(UInt64(256), at: 0)
        marker.put(UInt32(2), at: 12)
        let directory = image.bytes.count + 512
        var entries = [UInt8](repeating: 0, count: 131_072)
        entries.put(UInt32((image.places.tables[0] ?? 0) / 512), at: 0)
        image.setHeader(UInt64(1) << 31, at: 12)
        var footer = Array(image.bytes.suffix(1536))
        image.bytes += marker + entries
        footer.put(UInt64(directory / 512), at: 512 + 56)
        footer.put(UInt64(1) << 31, at: 512 + 12)
        image.bytes += footer
        let file = CountingSource(image.source)
        let opened = try OpenedImage(file)
        #expect(opened.image.virtualByteCount == 1 << 40)
        #expect(file.bytesRead < 1 << 20)
        let reads = file.readCount
        let hole = try opened.disk.firstOffset(of: .data, in: (1 << 30)..<(1 << 40))
        #expect(hole == nil)
        #expect(file.readCount == reads)
    }

    @Test("zeros join up to the end of a table, and tables of zeros with each other")
    func zeroRuns() throws {
        let image = StreamOptimizedBuilder(
            [.text] + Array(repeating: .absent, count: 31) + Array(repeating: .zeros, count: 48) + [.text]
        ).with { $0.entriesPerTable = 16 }.build()
        let found = try extents(OpenedImage(image.source).image)
        // Table 1 has only zeros and is in no file; tables 2 to 4 have entries of 1.
        #expect(found.map { $0.byteCount / 8_192 } == [1, 15, 16, 16, 16, 16, 1])
        #expect(found.map { $0.storage == .absent } == [false, true, true, false, false, false, false])
        #expect(found.map { $0.storage == .zeros } == [false, false, false, true, true, true, false])
    }

    @Test("plain grains that follow each other in the file join up to the end of a table")
    func storedRuns() throws {
        let image = MonolithicSparseBuilder(Array(repeating: .text, count: 40)).with {
            $0.entriesPerTable = 16
        }
        .build()
        let found = try extents(OpenedImage(image.source).image)
        #expect(found.map { $0.byteCount / 8_192 } == [16, 16, 8])
        #expect(found.first?.storage == .stored(at: UInt64(image.grainOffset(0))))
    }

    @Test("a grain's stored size is bounded by the next one's place, or by what a grain may take")
    func storedByteCountLimit() throws {
        let image = StreamOptimizedBuilder([.text, .absent, .zeros, .noise, .text]).build()
        let opened = try OpenedImage(image.source).image
        func limit(_ grain: Int) throws -> Int {
            guard case .compressed(let cluster) = try opened.extent(containing: UInt64(grain * 8_192)).storage
            else {
                Issue.record("grain \(grain) is not compressed")
                return 0
            }
            #expect(cluster.storedOffset == UInt64(image.grainOffset(grain)))
            #expect(cluster.framing == .grainMarker(lba: UInt64(grain * 16)))
            return cluster.storedByteCountLimit
        }
        #expect(try limit(0) == image.grainOffset(3) - image.grainOffset(0))
        #expect(try limit(3) == image.grainOffset(4) - image.grainOffset(3))
        // The last one: to the end of the file, which is nearer than 12 bytes and two grains.
        #expect(try limit(4) == image.bytes.count - image.grainOffset(4))
    }

    @Test("the size of the file bounds a stored size, and so does the largest grain")
    func storedByteCountLimitOfLastGrain() throws {
        let image = StreamOptimizedBuilder([.text]).with {
            $0.trailer = [UInt8](repeating: 0, count: 100_000)
        }.build()
        guard
            case .compressed(let cluster) = try OpenedImage(image.source).image.extent(containing: 0).storage
        else {
            Issue.record("the grain is not compressed")
            return
        }
        #expect(cluster.storedByteCountLimit == 2 * 8_192 + 512)
    }

    @Test("the stored size of a disk is exact where its tables are small", arguments: [true, false])
    func allocation(isPlain: Bool) throws {
        let grains = GrainContent.mixed(40)
        let stored = UInt64(grains.filter { $0 == .text || $0 == .noise }.count) * 8_192
        let image =
            isPlain ? MonolithicSparseBuilder.usual().build() : StreamOptimizedBuilder.usual().build()
        let file = CountingSource(image.source)
        let opened = try OpenedImage(file).image
        #expect(opened.allocatedByteCount == stored)
        #expect(!opened.allocationIsEstimate)
        let reads = file.readCount
        #expect(opened.allocatedByteCount == stored)
        #expect(file.readCount == reads)
        // Tables that lie side by side are read at once.
        if isPlain { #expect(reads <= 3) }
    }

    @Test("a stored size of a disk with large tables is between nothing and everything")
    func estimatedAllocation() throws {
        var builder = MonolithicSparseBuilder(Array(repeating: .absent, count: 300_000))
        builder.grainSizeInSectors = 1
        builder.grains[7] = .text
        let opened = try OpenedImage(builder.build().source).image
        #expect(opened.allocatedByteCount > 0)
        #expect(opened.allocatedByteCount < opened.virtualByteCount)
        #expect(opened.allocationIsEstimate)
    }

    @Test("a table that cannot be read is damage of what it maps, and is tried again")
    func unreadableTable() throws {
        let image = StreamOptimizedBuilder.usual().build()
        let table = UInt64(image.places.tables[1] ?? 0)
        // Outside the tail that is read at open.
        var padded = image
        padded.bytes += [UInt8](repeating: 0, count: 60_000)
        let file = FailingSource(padded.source, failingIn: table..<(table + 1))
        let cache = ClusterCache(byteLimit: 1 << 20)
        let opened = try OpenedImage(padded.source)
        #expect(opened.violations(image) == [])
        let reader = try OpeningReader(padded.source, named: "disk.vmdk")
        let broken = try VMDKSparseExtent.open(
            reader, tables: TableCache(of: file, in: cache, for: cache.makeDiskNumber()), options: .init())
        let range = image.guestRange(ofTable: 1)
        for _ in 0..<2 {
            let extent = try broken.extent(containing: range.lowerBound)
            #expect(extent.guestOffset..<extent.guestEnd == range)
            #expect(extent.storage == .damaged(FailingSource.failure))
        }
        #expect(throws: Never.self) { try broken.extent(containing: 0) }
        #expect(broken.allocatedByteCount > 0)
    }

    @Test("an offset past the disk is an error, not a trap", arguments: [327_680, UInt64.max])
    func pastTheDisk(offset: UInt64) throws {
        let opened = try OpenedImage(StreamOptimizedBuilder.usual().build().source).image
        #expect(throws: ReadError.self) { try opened.extent(containing: offset) }
    }

    @Test("format, cluster size and adapter are what the image says")
    func properties() throws {
        let stream = try OpenedImage(StreamOptimizedBuilder.usual().build().source).image
        #expect(stream.format == .vmdkStreamOptimized)
        #expect(stream.clusterByteCount == 8_192)
        #expect(stream.adapterType == "lsilogic")
        let plain = try OpenedImage(MonolithicSparseBuilder.usual().build().source).image
        #expect(plain.format == .vmdkMonolithicSparse)
        #expect(plain.clusterByteCount == 0)
    }

    @Test("damage is reported with its record, its place in the file and the guest's sector")
    func damageText() throws {
        var image = StreamOptimizedBuilder.usual().build()
        image.setEntry(ofGrain: 20, to: 0x7fff_ffff)
        let opened = try OpenedImage(image.source, named: "disk1.vmdk").image
        let entry = image.entryOffset(ofGrain: 20)
        #expect(
            try opened.extent(containing: 20 * 8_192).storage
                == .damaged(
                    .corrupt(
                        record: "grain table 1 of disk1.vmdk", offset: UInt64(entry),
                        reason:
                            "the entry of the grain at LBA 320 names sector 2147483647; the file ends at byte "
                            + "\(image.bytes.count), before the grain does")))
    }
}
