// Tests of the cluster cache: one load for all, failures, its bound, and entries in use.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import DiskImages

@Suite("The cluster cache")
struct ClusterCacheTests {
    private struct Reader: Sendable {
        let cache: ClusterCache
        let disk: DiskNumber

        init(byteLimit: Int) {
            cache = ClusterCache(byteLimit: byteLimit)
            disk = cache.makeDiskNumber()
        }

        func key(_ index: UInt64) -> ClusterCache.Key {
            ClusterCache.Key(disk: disk, kind: .cluster, index: index)
        }

        /// What the entry must hold: the same byte, told by its key.
        static func pattern(_ index: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: index &* 31 &+ 7) }

        /// Reads an entry, loading it where it is not there; whether every byte is its own.
        func isRight(
            _ index: UInt64, byteCount: Int, whileUsed: () -> Void = {}, onLoad: () -> Void = {}
        ) throws(ReadError) -> Bool {
            try cache.withCluster(
                key(index), byteCount: byteCount,
                load: { output throws(ReadError) in
                    onLoad()
                    ClusterCacheTests.append(Self.pattern(index), byteCount, to: &output)
                },
                body: { bytes throws(ReadError) in
                    let isRight = Self.holds(index, bytes, byteCount)
                    whileUsed()
                    return isRight && Self.holds(index, bytes, byteCount)
                })
        }

        private static func holds(_ index: UInt64, _ bytes: RawSpan, _ byteCount: Int) -> Bool {
            guard bytes.byteCount == byteCount else { return false }
            for offset in 0..<byteCount where bytes.littleEndian(UInt8.self, at: offset) != pattern(index) {
                return false
            }
            return true
        }
    }

    private static func append(_ byte: UInt8, _ count: Int, to output: inout OutputRawSpan) {
        let bytes = [UInt8](repeating: byte, count: count)
        // SAFETY: bytes have no padding.
        output.append(copying: unsafe bytes.span.bytes)
    }

    @Test("an entry is loaded once, however many threads ask for it at the same time")
    func singleFlight() {
        let reader = Reader(byteLimit: 1 << 20)
        let loads = Atomic<Int>(0)
        let right = Atomic<Int>(0)
        let arrived = Atomic<Int>(0)
        WorkerThread.concurrently(8) { _ in
            arrived.add(1, ordering: .sequentiallyConsistent)
            while arrived.load(ordering: .sequentiallyConsistent) < 8 { usleep(50) }
            let isRight = try? reader.isRight(
                5, byteCount: 4096,
                onLoad: {
                    loads.add(1, ordering: .relaxed)
                    usleep(20_000)
                })
            if isRight == true { right.add(1, ordering: .relaxed) }
        }
        #expect(loads.load(ordering: .relaxed) == 1)
        #expect(right.load(ordering: .relaxed) == 8)
        #expect(reader.cache.statistics.cacheHits <= 7)
    }

    @Test("a load that fails reaches its reader, is not kept, and is tried again")
    func failure() throws {
        let reader = Reader(byteLimit: 1 << 20)
        let wrong = ReadError.unsupported(feature: "the test's cluster")
        for _ in 0..<2 {
            #expect(throws: wrong) {
                try reader.cache.withCluster(
                    reader.key(1), byteCount: 512,
                    load: { output throws(ReadError) in
                        output.appendZeros(100)
                        throw wrong
                    },
                    body: { _ throws(ReadError) in })
            }
            #expect(!reader.cache.holds(reader.key(1)))
        }
        #expect(try reader.isRight(1, byteCount: 512))
        #expect(reader.cache.holds(reader.key(1)))
    }

    @Test("a failed load of one thread lets the threads that wait for it try themselves")
    func failureWhileOthersWait() {
        let reader = Reader(byteLimit: 1 << 20)
        let loads = Atomic<Int>(0)
        let right = Atomic<Int>(0)
        let failed = Atomic<Int>(0)
        WorkerThread.concurrently(4) { _ in
            do throws(ReadError) {
                let isRight = try reader.cache.withCluster(
                    reader.key(9), byteCount: 64,
                    load: { output throws(ReadError) in
                        usleep(2_000)
                        guard loads.add(1, ordering: .sequentiallyConsistent).oldValue > 0 else {
                            throw .unsupported(feature: "the first")
                        }
                        Self.append(3, 64, to: &output)
                    },
                    body: { bytes throws(ReadError) in bytes.littleEndian(UInt8.self, at: 63) == 3 })
                if isRight { right.add(1, ordering: .relaxed) }
            } catch {
                failed.add(1, ordering: .relaxed)
            }
        }
        #expect(loads.load(ordering: .relaxed) == 2)
        #expect(failed.load(ordering: .relaxed) == 1 && right.load(ordering: .relaxed) == 3)
    }

    @Test("no more is kept than the limit, with entries of different sizes", arguments: [1 << 16, 32 << 20])
    func bound(byteLimit: Int) throws {
        let reader = Reader(byteLimit: byteLimit)
        var random = SeededRandom(seed: 11)
        let sizes = (0..<64).map { _ in Int.random(in: 1...(byteLimit / 40), using: &random) }
        for _ in 0..<1_000 {
            let index = UInt64.random(in: 0..<64, using: &random)
            _ = try reader.cache.withCluster(
                reader.key(index), byteCount: sizes[Int(index)],
                load: { output throws(ReadError) in output.appendZeros(sizes[Int(index)]) },
                body: { bytes throws(ReadError) in bytes.byteCount })
            #expect(reader.cache.byteCount <= byteLimit)
        }
        #expect(reader.cache.byteCount > 0)
    }

    @Test("an entry in use is neither evicted nor overwritten while others force everything out")
    func pinned() {
        let reader = Reader(byteLimit: 64 << 10)
        let wrong = Atomic<Int>(0)
        WorkerThread.concurrently(4) { worker in
            var random = SeededRandom(seed: UInt64(worker) + 1)
            for _ in 0..<400 {
                let index = UInt64.random(in: 0..<40, using: &random)
                let isRight = try? reader.isRight(
                    index, byteCount: 4096,
                    whileUsed: {
                        // Others come in between; a nested read evicts from the same thread.
                        _ = try? reader.isRight(index + 100, byteCount: 4096)
                    })
                if isRight != true { wrong.add(1, ordering: .relaxed) }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(reader.cache.byteCount <= (64 << 10) + 8 * 4096)
    }

    @Test("an entry larger than the whole cache is served, and does not stay beside others")
    func large() throws {
        let reader = Reader(byteLimit: 4096)
        #expect(try reader.isRight(1, byteCount: 100_000))
        #expect(try reader.isRight(2, byteCount: 100_000))
        #expect(reader.cache.byteCount <= CacheSlot.cost(ofByteCount: 100_000))
        #expect(try reader.isRight(3, byteCount: 1000))
        #expect(reader.cache.byteCount <= 4096)
        #expect(try reader.isRight(1, byteCount: 100_000))
    }

    @Test("an entry that is used again survives one that is read once")
    func secondChance() throws {
        let reader = Reader(byteLimit: 10 * 4096)
        var loads = 0
        for round in 0..<100 {
            _ = try reader.isRight(1, byteCount: 4096, onLoad: { loads += 1 })
            _ = try reader.isRight(UInt64(round) + 10, byteCount: 4096)
        }
        #expect(loads == 1)
    }

    @Test(
        "what was loaded ahead outlasts what was read once before and after it, and then goes like any other")
    func awaited() throws {
        let reader = Reader(byteLimit: 10 * 4096)
        for index in 0..<8 as Range<UInt64> { _ = try reader.isRight(index, byteCount: 4096) }
        try reader.cache.prefetch(reader.key(50), byteCount: 4096) { output throws(ReadError) in
            Self.append(Reader.pattern(50), 4096, to: &output)
        }
        for index in 8..<20 as Range<UInt64> { _ = try reader.isRight(index, byteCount: 4096) }
        var loads = 0
        #expect(try reader.isRight(50, byteCount: 4096, onLoad: { loads += 1 }))
        #expect(loads == 0)
        for index in 20..<40 as Range<UInt64> { _ = try reader.isRight(index, byteCount: 4096) }
        #expect(!reader.cache.holds(reader.key(50)))
    }

    @Test("an entry that is read again survives, also where each read first loads it as large reads do")
    func secondChanceOfLargeReads() throws {
        let reader = Reader(byteLimit: 10 * 4096)
        var loads = 0
        for round in 0..<100 as Range<UInt64> {
            try reader.cache.prefetch(reader.key(1), byteCount: 4096) { output throws(ReadError) in
                loads += 1
                Self.append(Reader.pattern(1), 4096, to: &output)
            }
            _ = try reader.isRight(1, byteCount: 4096)
            _ = try reader.isRight(round + 10, byteCount: 4096)
        }
        #expect(loads == 1)
    }

    @Test("an entry that could not be loaded makes room before all others, however often it was tried")
    func failedEntries() throws {
        let reader = Reader(byteLimit: 10 * 4096)
        for index in 0..<8 as Range<UInt64> { _ = try reader.isRight(index, byteCount: 4096) }
        for index in 0..<8 as Range<UInt64> { _ = try reader.isRight(index, byteCount: 4096) }
        for index in 100..<130 as Range<UInt64> {
            for _ in 0..<3 {
                try? reader.cache.prefetch(reader.key(index), byteCount: 4096) { _ throws(ReadError) in
                    throw .unsupported(feature: "the test's cluster")
                }
            }
        }
        #expect((0..<8 as Range<UInt64>).filter { reader.cache.holds(reader.key($0)) }.count == 8)
    }

    @Test("an entry on loan stays as it is until it is given back")
    func loan() throws {
        let reader = Reader(byteLimit: 4 * 4096)
        let slot = try reader.cache.lend(reader.key(1), byteCount: 4096) { output throws(ReadError) in
            Self.append(Reader.pattern(1), 4096, to: &output)
        }
        for index in 2..<50 as Range<UInt64> { _ = try reader.isRight(index, byteCount: 4096) }
        #expect(unsafe slot.bytes.allSatisfy { $0 == Reader.pattern(1) })
        slot.release()
        for index in 50..<99 as Range<UInt64> { _ = try reader.isRight(index, byteCount: 4096) }
        #expect(!reader.cache.holds(reader.key(1)))
        #expect(reader.cache.byteCount <= 4 * 4096)
    }

    @Test("the entries of two disks, and tables and clusters of one, do not meet")
    func keys() throws {
        let reader = Reader(byteLimit: 1 << 20)
        let keys = [
            reader.key(1), ClusterCache.Key(disk: reader.disk, kind: .table, index: 1),
            ClusterCache.Key(disk: reader.cache.makeDiskNumber(), kind: .cluster, index: 1),
        ]
        for (number, key) in keys.enumerated() {
            let found = try reader.cache.withCluster(
                key, byteCount: 1,
                load: { output throws(ReadError) in Self.append(UInt8(number), 1, to: &output) },
                body: { bytes throws(ReadError) in bytes.littleEndian(UInt8.self, at: 0) })
            #expect(found == UInt8(number))
        }
    }

    @Test("hits of clusters are counted, those of tables are not")
    func statistics() throws {
        let reader = Reader(byteLimit: 1 << 20)
        for _ in 0..<3 { _ = try reader.isRight(1, byteCount: 16) }
        #expect(reader.cache.statistics.cacheHits == 2)
        let table = ClusterCache.Key(disk: reader.disk, kind: .table, index: 1)
        for _ in 0..<3 {
            try reader.cache.withCluster(
                table, byteCount: 4, load: { output throws(ReadError) in output.appendZeros(4) },
                body: { _ throws(ReadError) in })
        }
        #expect(reader.cache.statistics.cacheHits == 2)
    }

    @Test("reading ahead does not wait for an entry that another thread loads")
    func prefetchOfBusyEntry() throws {
        let reader = Reader(byteLimit: 1 << 20)
        let isLoading = Atomic<Bool>(false)
        let mayEnd = Atomic<Bool>(false)
        let loader = try WorkerThread {
            _ = try? reader.isRight(
                1, byteCount: 16,
                onLoad: {
                    isLoading.store(true, ordering: .sequentiallyConsistent)
                    while !mayEnd.load(ordering: .sequentiallyConsistent) { usleep(50) }
                })
        }
        while !isLoading.load(ordering: .sequentiallyConsistent) { usleep(50) }
        var loads = 0
        // Returns although the entry's lock is held.
        try reader.cache.prefetch(reader.key(1), byteCount: 16) { output throws(ReadError) in
            loads += 1
            output.appendZeros(16)
        }
        #expect(loads == 0)
        mayEnd.store(true, ordering: .sequentiallyConsistent)
        loader.join()
        #expect(try reader.isRight(1, byteCount: 16))
    }
}
