// Tests of turns: how often large clusters are decoded for readers who go through them, and who waits for how long.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import DiskImages

@Suite("Turns of large clusters")
struct ClusterTurnTests {
    private static let blockByteCount = 2 << 20
    private static let pieceByteCount = 64 << 10
    /// No turn ends by time: for counts that have to be exact on a machine that is busy with other things.
    private static let patientLimits = ClusterTurns.Limits(
        longestSeconds: 600, idleSeconds: 600, forgottenSeconds: 600)

    private struct Disk {
        let cache: ClusterCache
        let disk: GuestDisk

        init(
            blockCount: Int, cacheByteLimit: Int, limits: ClusterTurns.Limits,
            prefetcher: Prefetcher? = nil
        ) throws {
            let bytes = CloopBuilder.uniform(blockCount, blockByteCount: blockByteCount)
            cache = ClusterCache(byteLimit: cacheByteLimit, turns: limits)
            let source = MemorySource(bytes)
            let number = cache.makeDiskNumber()
            let image = try DiskImageOpener.open(
                source, named: "disk.cloop", in: cache, for: number, options: .init())
            disk = GuestDisk(image, in: source, cache: cache, number: number, prefetcher: prefetcher)
        }

        /// Whether all of these blocks are what was written, read in pieces from `start` bytes into the first one on.
        func isRight(_ blocks: Range<Int>, from start: Int = 0) -> Bool {
            var position = blocks.lowerBound * blockByteCount + start
            while position < blocks.upperBound * blockByteCount {
                let content = UInt8(position / blockByteCount + 1)
                guard
                    (try? disk.bytes(pieceByteCount, at: UInt64(position)))
                        == [UInt8](repeating: content, count: pieceByteCount)
                else { return false }
                position += pieceByteCount
            }
            return true
        }
    }

    private struct Cache {
        let cache: ClusterCache
        let disk: DiskNumber

        init(byteLimit: Int, limits: ClusterTurns.Limits) {
            cache = ClusterCache(byteLimit: byteLimit, turns: limits)
            disk = cache.makeDiskNumber()
        }

        func key(_ index: UInt64) -> ClusterCache.Key {
            ClusterCache.Key(disk: disk, kind: .cluster, index: index)
        }

        func read(_ index: UInt64, _ range: Range<Int>, hold: () -> Void = {}) throws(ReadError) {
            try cache.withCluster(
                key(index), byteCount: blockByteCount, reading: range,
                load: { output throws(ReadError) in output.appendZeros(blockByteCount) },
                body: { _ throws(ReadError) in hold() })
        }

        func prefetch(_ index: UInt64) throws(ReadError) {
            try cache.prefetch(key(index), byteCount: blockByteCount) { output throws(ReadError) in
                output.appendZeros(blockByteCount)
            }
        }
    }

    @Test(
        "readers who each go through large clusters of their own, where one has room, have each decoded once")
    func oneDecodingEach() throws {
        let readerCount = 6
        let disk = try Disk(blockCount: 12, cacheByteLimit: 1 << 20, limits: Self.patientLimits)
        let arrived = Atomic<Int>(0)
        let right = Atomic<Int>(0)
        WorkerThread.concurrently(readerCount) { reader in
            arrived.add(1, ordering: .sequentiallyConsistent)
            while arrived.load(ordering: .sequentiallyConsistent) < readerCount { usleep(100) }
            if disk.isRight(2 * reader..<2 * reader + 2) { right.add(1, ordering: .relaxed) }
        }
        #expect(right.load(ordering: .relaxed) == readerCount)
        #expect(disk.cache.statistics.clustersDecoded == 12)
    }

    @Test(
        "those who begin inside of a cluster have it decoded at most once more than those who begin at its start"
    )
    func beginInside() throws {
        let readerCount = 4
        let disk = try Disk(blockCount: readerCount, cacheByteLimit: 1 << 20, limits: Self.patientLimits)
        let arrived = Atomic<Int>(0)
        let right = Atomic<Int>(0)
        WorkerThread.concurrently(readerCount) { reader in
            arrived.add(1, ordering: .sequentiallyConsistent)
            while arrived.load(ordering: .sequentiallyConsistent) < readerCount { usleep(100) }
            if disk.isRight(reader..<reader + 1, from: 8 * Self.pieceByteCount) {
                right.add(1, ordering: .relaxed)
            }
        }
        #expect(right.load(ordering: .relaxed) == readerCount)
        #expect(disk.cache.statistics.clustersDecoded <= UInt64(2 * readerCount))
    }

    @Test("a reader who stops in the middle keeps nobody waiting for good, nor one who reads on and on")
    func turnsEnd() throws {
        let stopped = Cache(
            byteLimit: 1 << 20,
            limits: .init(longestSeconds: 600, idleSeconds: 0.02, forgottenSeconds: 600))
        try stopped.read(1, 0..<1_000)
        try stopped.read(2, 0..<1_000)
        #expect(stopped.cache.holds(stopped.key(2)) && !stopped.cache.holds(stopped.key(1)))

        let slow = Cache(
            byteLimit: 1 << 20,
            limits: .init(longestSeconds: 0.05, idleSeconds: 600, forgottenSeconds: 600))
        try slow.read(1, 0..<1_000)
        try slow.read(1, 1_000..<2_000)
        try slow.read(2, 0..<1_000)
        #expect(slow.cache.holds(slow.key(2)) && !slow.cache.holds(slow.key(1)))
    }

    @Test("readers of one cluster, of whom one is always at it, do not keep another from its own")
    func overdue() throws {
        let cache = Cache(byteLimit: 1 << 20, limits: .init(longestSeconds: 0.1))
        let isServed = Atomic<Bool>(false)
        let servedWhileBusy = Atomic<Bool>(false)
        let busy = Atomic<Int>(0)
        let deadline = MonotonicClock.now + 60
        WorkerThread.concurrently(5) { thread in
            guard thread > 0 else {
                while busy.load(ordering: .relaxed) < 100 { usleep(100) }
                try? cache.read(2, 100..<200)
                servedWhileBusy.store(MonotonicClock.now < deadline, ordering: .relaxed)
                isServed.store(true, ordering: .relaxed)
                return
            }
            while !isServed.load(ordering: .relaxed), MonotonicClock.now < deadline {
                try? cache.read(1, 100..<200) { usleep(2_000) }
                busy.add(1, ordering: .relaxed)
            }
        }
        #expect(servedWhileBusy.load(ordering: .relaxed) == true)
    }

    @Test("what its reader is in the middle of, or is still to come for, makes no room for decoding ahead")
    func readerBeforeAhead() throws {
        let cache = Cache(byteLimit: 1 << 20, limits: Self.patientLimits)
        try cache.read(1, 0..<1_000)
        try cache.prefetch(2)
        #expect(cache.cache.holds(cache.key(1)) && !cache.cache.holds(cache.key(2)))
        try cache.read(1, 1_000..<Self.blockByteCount)
        // Its reader has passed it.
        try cache.prefetch(2)
        #expect(!cache.cache.holds(cache.key(1)) && cache.cache.holds(cache.key(2)))
        try cache.prefetch(3)
        #expect(cache.cache.holds(cache.key(2)) && !cache.cache.holds(cache.key(3)))
        // A reader comes before what is only awaited.
        try cache.read(4, 500..<1_000)
        #expect(cache.cache.holds(cache.key(4)))
        // Who reads here and there has no turn.
        try cache.prefetch(5)
        #expect(cache.cache.holds(cache.key(5)))
    }

    @Test("one that is decoded ahead and never read makes room in the end")
    func forgotten() throws {
        let cache = Cache(byteLimit: 1 << 20, limits: .init(forgottenSeconds: 0))
        try cache.prefetch(1)
        try cache.prefetch(2)
        #expect(cache.cache.holds(cache.key(2)) && !cache.cache.holds(cache.key(1)))
    }

    @Test("a sequential reader has each decoded once, with threads that decode ahead", arguments: [4, 8, 64])
    func sequential(cacheMegabytes: Int) throws {
        let blockCount = 12
        let prefetcher = try Prefetcher(threadCount: 2)
        defer { prefetcher.stop() }
        let disk = try Disk(
            blockCount: blockCount, cacheByteLimit: cacheMegabytes << 20, limits: Self.patientLimits,
            prefetcher: prefetcher)
        #expect(disk.isRight(0..<blockCount))
        #expect(disk.cache.statistics.clustersDecoded == UInt64(blockCount))
    }
}
