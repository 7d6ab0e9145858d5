// Tests that nothing is decoded, read or held for no one: readers that were faster, many readers, packed clusters.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("Reading ahead for no one")
struct PrefetchWasteTests {
    private static func opened(
        _ grains: [GrainContent], in cache: ClusterCache, behind gate: Gate? = nil,
        prefetcher: Prefetcher? = nil
    ) throws -> (disk: GuestDisk, built: BuiltImage) {
        var builder = StreamOptimizedBuilder(grains)
        builder.grainSizeInSectors = 128
        let built = builder.build()
        let number = cache.makeDiskNumber()
        let image = try DiskImageOpener.open(
            built.source, named: "disk.vmdk", in: cache, for: number, options: .init())
        // The table that leads to all grains is loaded before the gate closes.
        _ = try image.extent(containing: 0)
        let source: any ByteSource = gate.map { GatedSource(built.source, $0) } ?? built.source
        return (
            GuestDisk(image, in: source, cache: cache, number: number, prefetcher: prefetcher), built
        )
    }

    @Test("what a reader has passed before a thread comes to it is not decoded", arguments: [0, 5, 16])
    func passed(grainCount: UInt64) throws {
        let cache = ClusterCache(byteLimit: 64 << 20)
        let (disk, built) = try Self.opened(Array(repeating: .text, count: 16), in: cache)
        let reader = ReaderPosition(at: grainCount * 65_536)
        try disk.load(0..<UInt64(built.guest.count), aheadOf: reader)
        #expect(cache.statistics.clustersDecodedAhead == 16 - grainCount)
        for index in 0..<16 as Range<UInt64> {
            let key = ClusterCache.Key(disk: disk.layers[0].number, kind: .cluster, index: index)
            #expect(cache.holds(key) == (index >= grainCount))
        }
    }

    @Test("what is decoded ahead of many readers together leaves half of the cache, but for one MiB each")
    func many() throws {
        let cacheByteLimit = 8 << 20
        let cache = ClusterCache(byteLimit: cacheByteLimit)
        let prefetcher = try Prefetcher(threadCount: 2)
        let gate = Gate()
        defer {
            gate.open()
            prefetcher.stop()
        }
        let (disk, _) = try Self.opened(
            Array(repeating: .text, count: 6 * 64), in: cache, behind: gate, prefetcher: prefetcher)
        let readAhead = ReadAhead(prefetcher: prefetcher, windowByteLimit: cacheByteLimit / 4)
        for reader in 0..<6 as Range<UInt64> {
            for number in 0..<2 as Range<UInt64> {
                readAhead.reader(
                    of: disk, reads: 512 << 10, at: (reader * 4 << 20) + (number * 512 << 10))
            }
            readAhead.reader(of: disk, reads: 512 << 10, at: (reader * 4 << 20) + (1 << 20))
        }
        // 12 MiB would be asked for by six readers that know nothing of each other. What the two threads are at is in
        // neither count, but for a cluster each.
        let wanted = prefetcher.queuedByteCount + cache.awaitedByteCount
        #expect(wanted <= 4 << 20 + 5 << 20)
        #expect(wanted >= 4 << 20)
    }

    @Test("what is awaited is counted until it is read, passed over or dropped")
    func awaited() throws {
        let cache = ClusterCache(byteLimit: 1 << 20)
        let disk = cache.makeDiskNumber()
        func key(_ index: UInt64) -> ClusterCache.Key {
            ClusterCache.Key(disk: disk, kind: .cluster, index: index)
        }
        func prefetch(_ index: UInt64) throws(ReadError) {
            try cache.prefetch(key(index), byteCount: 65_536) { $0.appendZeros(65_536) }
        }
        for index in 0..<4 as Range<UInt64> { try prefetch(index) }
        #expect(cache.awaitedByteCount == 4 * 65_536)
        try cache.lend(key(0), byteCount: 65_536) { $0.appendZeros(65_536) }.release()
        try prefetch(1)
        #expect(cache.awaitedByteCount == 3 * 65_536)
        // Reads that push all of it out.
        for index in 10..<60 as Range<UInt64> {
            try cache.lend(key(index), byteCount: 65_536) { $0.appendZeros(65_536) }.release()
        }
        #expect(cache.awaitedByteCount == 0)
    }

    @Test("compressed clusters that are packed to the byte are read with one read for many")
    func packed() throws {
        let built = QCOWBuilder(Array(repeating: .compressed(.prose), count: 32)).build()
        let source = CountingSource(built.source)
        let cache = ClusterCache(byteLimit: 1 << 20)
        let number = cache.makeDiskNumber()
        let image = try DiskImageOpener.open(
            source, named: "disk.qcow2", in: cache, for: number, options: .init())
        let disk = GuestDisk(image, in: source, cache: cache, number: number)
        _ = try disk.extent(containing: 0)
        let before = source.readCount
        let bytes = try PrefetchTests.readOnce(disk, built.guest.count, at: 0)
        #expect(bytes == built.guest)
        #expect(source.readCount - before <= 2)
    }
}
