// Tests of large clusters: how many are in memory at once, who waits for whom, and who does not.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import DiskImages

@Suite("Large clusters")
struct LargeClusterTests {
    private static let blockByteCount = 2 << 20
    private static let blockCount = 12

    private struct Disk {
        let cache: ClusterCache
        let disk: GuestDisk

        init(cacheByteLimit: Int) throws {
            let bytes = CloopBuilder.uniform(blockCount, blockByteCount: blockByteCount)
            cache = ClusterCache(byteLimit: cacheByteLimit)
            let source = MemorySource(bytes)
            let number = cache.makeDiskNumber()
            let image = try DiskImageOpener.open(
                source, named: "disk.cloop", in: cache, for: number, options: .init())
            disk = GuestDisk(image, in: source, cache: cache, number: number)
        }

        /// Where a block starts on the disk, and what it holds.
        static func start(_ block: Int) -> UInt64 { UInt64(block * blockByteCount) }
        static func content(_ block: Int) -> UInt8 { UInt8(block + 1) }
    }

    private struct Cache {
        let cache: ClusterCache
        let disk: DiskNumber

        init(byteLimit: Int) {
            cache = ClusterCache(byteLimit: byteLimit)
            disk = cache.makeDiskNumber()
        }

        func key(_ index: UInt64) -> ClusterCache.Key {
            ClusterCache.Key(disk: disk, kind: .cluster, index: index)
        }
    }

    @Test("readers who each still use a part of another one do not keep all of them in memory")
    func answersHeld() throws {
        let disk = try Disk(cacheByteLimit: 5 << 20)
        let right = Atomic<Int>(0)
        let arrived = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        WorkerThread.concurrently(Self.blockCount) { block in
            let list = GatherList()
            list.reserve(4_096)
            let offset = Disk.start(block) + 1_000
            if (try? disk.disk.gather(4_096, at: offset, into: list)) != nil,
                list.bytes == [UInt8](repeating: Disk.content(block), count: 4_096)
            {
                right.add(1, ordering: .relaxed)
            }
            most.max(disk.cache.byteCount, ordering: .relaxed)
            // The answers are sent when all of them are there.
            arrived.add(1, ordering: .sequentiallyConsistent)
            while arrived.load(ordering: .sequentiallyConsistent) < Self.blockCount { usleep(1_000) }
            most.max(disk.cache.byteCount, ordering: .relaxed)
            withExtendedLifetime(list) {}
        }
        #expect(right.load(ordering: .relaxed) == Self.blockCount)
        #expect(most.load(ordering: .relaxed) <= 5 << 20)
    }

    @Test("a read of several of them at once is served where one has room, by many threads too")
    func across() throws {
        let disk = try Disk(cacheByteLimit: 1 << 20)
        let right = Atomic<Int>(0)
        WorkerThread.concurrently(6) { thread in
            for block in 0..<(Self.blockCount - 2) where block % 6 == thread {
                let start = Disk.start(block + 1) - 10
                let count = Self.blockByteCount + 20
                let expected =
                    [UInt8](repeating: Disk.content(block), count: 10)
                    + [UInt8](repeating: Disk.content(block + 1), count: Self.blockByteCount)
                    + [UInt8](repeating: Disk.content(block + 2), count: 10)
                if (try? disk.disk.gatheredBytes(count, at: start)) == expected,
                    (try? disk.disk.bytes(count, at: start)) == expected
                {
                    right.add(1, ordering: .relaxed)
                }
            }
        }
        #expect(right.load(ordering: .relaxed) == Self.blockCount - 2)
        #expect(disk.cache.byteCount < 2 * Self.blockByteCount)
    }

    @Test("what is decoded and used at the same time is within the bound; one that is larger is alone")
    func bound() throws {
        let byteLimit = 8 << 20
        let cache = Cache(byteLimit: byteLimit)
        let used = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        let done = Atomic<Int>(0)
        WorkerThread.concurrently(8) { thread in
            for round in 0..<6 {
                let number = thread * 6 + round
                // One in eight is larger than the bound.
                let byteCount = number % 8 == 7 ? 9 << 20 : (2 + number % 3) << 20
                var isMine = false
                try? cache.cache.withCluster(
                    cache.key(UInt64(number)), byteCount: byteCount, loadingByteCount: byteCount / 4,
                    load: { output throws(ReadError) in
                        isMine = true
                        let now = used.add(byteCount, ordering: .sequentiallyConsistent).newValue
                        most.max(now == byteCount ? 0 : now, ordering: .sequentiallyConsistent)
                        output.appendZeros(byteCount)
                    },
                    body: { bytes throws(ReadError) in
                        usleep(500)
                        if bytes.byteCount == byteCount { done.add(1, ordering: .relaxed) }
                        if isMine { used.subtract(byteCount, ordering: .sequentiallyConsistent) }
                    })
            }
        }
        #expect(done.load(ordering: .relaxed) == 48)
        #expect(used.load(ordering: .relaxed) == 0)
        #expect(most.load(ordering: .relaxed) <= byteLimit)
    }

    @Test("one that many want is decoded once, also where no other has room beside it")
    func once() {
        let cache = Cache(byteLimit: 1 << 20)
        let loads = Atomic<Int>(0)
        let arrived = Atomic<Int>(0)
        WorkerThread.concurrently(8) { _ in
            arrived.add(1, ordering: .sequentiallyConsistent)
            while arrived.load(ordering: .sequentiallyConsistent) < 8 { usleep(50) }
            try? cache.cache.withCluster(
                cache.key(1), byteCount: 3 << 20,
                load: { output throws(ReadError) in
                    loads.add(1, ordering: .relaxed)
                    output.appendZeros(3 << 20)
                },
                body: { _ throws(ReadError) in })
        }
        #expect(loads.load(ordering: .relaxed) == 1)
    }

    @Test("a thread that may not wait takes what is decoded, and is told to wait for all else")
    func patience() throws {
        let cache = Cache(byteLimit: 16 << 20)
        func read(_ index: UInt64) throws(ReadError) -> Int {
            try cache.cache.withCluster(
                cache.key(index), byteCount: 2 << 20,
                load: { output throws(ReadError) in output.appendZeros(2 << 20) },
                body: { bytes throws(ReadError) in bytes.byteCount })
        }
        for patience in [Patience.decodes, .usesCacheOnly] {
            #expect(throws: ReadError.wouldWait) {
                try patience.during { () throws(ReadError) in try read(1) }
            }
        }
        #expect(try read(1) == 2 << 20)
        for patience in [Patience.decodes, .usesCacheOnly] {
            #expect(try patience.during { () throws(ReadError) in try read(1) } == 2 << 20)
        }
    }

    @Test("a reader that is called off waits no longer for room")
    func calledOff() throws {
        let cache = Cache(byteLimit: 4 << 20)
        let byteCount = 3 << 20
        let isInUse = Gate()
        let end = Gate()
        let holder = try WorkerThread {
            try? cache.cache.withCluster(
                cache.key(0), byteCount: byteCount,
                load: { output throws(ReadError) in output.appendZeros(byteCount) },
                body: { _ throws(ReadError) in
                    isInUse.open()
                    end.wait()
                })
        }
        isInUse.wait()
        let read = PatientRead(decodingIn: DecoderPlaces(1))
        let outcome = SleepingMutex<ReadError?>(nil)
        let waiter = try WorkerThread {
            read.perform {
                do throws(ReadError) {
                    try cache.cache.withCluster(
                        cache.key(1), byteCount: byteCount,
                        load: { output throws(ReadError) in output.appendZeros(byteCount) },
                        body: { _ throws(ReadError) in })
                } catch {
                    outcome.withLock { $0 = error }
                }
            }
        }
        usleep(50_000)
        read.cancel()
        waiter.join()
        end.open()
        holder.join()
        #expect(outcome.withLock { $0 } == .interrupted)
        // The next one finds its turn.
        #expect(
            try cache.cache.withCluster(
                cache.key(2), byteCount: byteCount,
                load: { output throws(ReadError) in output.appendZeros(byteCount) },
                body: { bytes throws(ReadError) in bytes.byteCount }) == byteCount)
    }

    @Test("nothing is decoded ahead where there is no room beside what is in use, and no one waits for that")
    func ahead() throws {
        let cache = Cache(byteLimit: 5 << 20)
        func prefetch(_ index: UInt64) throws(ReadError) {
            try cache.cache.prefetch(cache.key(index), byteCount: 2 << 20, loadingByteCount: 10) {
                output throws(ReadError) in output.appendZeros(2 << 20)
            }
        }
        try prefetch(1)
        #expect(cache.cache.holds(cache.key(1)) && cache.cache.awaitedByteCount == 2 << 20)
        try cache.cache.withCluster(
            cache.key(2), byteCount: 3 << 20,
            load: { output throws(ReadError) in output.appendZeros(3 << 20) },
            body: { _ throws(ReadError) in
                // The first one made room for this one, which is in use.
                try prefetch(3)
            })
        #expect(!cache.cache.holds(cache.key(3)))
        #expect(!cache.cache.holds(cache.key(1)) && cache.cache.awaitedByteCount == 0)
        try prefetch(3)
        #expect(cache.cache.holds(cache.key(3)))
    }

    @Test("one that cannot be decoded reaches its reader, takes no room, and is tried again")
    func failure() throws {
        let cache = Cache(byteLimit: 4 << 20)
        let wrong = ReadError.unsupported(feature: "the test's cluster")
        for _ in 0..<3 {
            #expect(throws: wrong) {
                try cache.cache.withCluster(
                    cache.key(1), byteCount: 3 << 20, loadingByteCount: 1 << 20,
                    load: { output throws(ReadError) in
                        output.appendZeros(1_000)
                        throw wrong
                    },
                    body: { _ throws(ReadError) in })
            }
            #expect(cache.cache.byteCount == 0)
        }
        try cache.cache.withCluster(
            cache.key(1), byteCount: 3 << 20, loadingByteCount: 1 << 20,
            load: { output throws(ReadError) in output.appendZeros(3 << 20) },
            body: { bytes throws(ReadError) in #expect(bytes.byteCount == 3 << 20) })
        // What it was decoded from is gone.
        #expect(cache.cache.byteCount == CacheSlot.cost(ofByteCount: 3 << 20))
    }
}
