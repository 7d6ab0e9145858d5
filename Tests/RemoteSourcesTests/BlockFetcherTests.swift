// Tests of the threads that bring blocks, on a transport made of closures.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization
import TestSupport
import Testing

@testable import RemoteSources

@Suite("Bringing blocks")
struct BlockFetcherTests {
    private static let size = UInt64(BlockBuffer.byteCount)

    private static func wait(for index: UInt64, _ fetcher: BlockFetcher) throws -> BlockWaiter {
        let waiter = BlockWaiter()
        let key = BlockTable.Key(object: fetcher.object, index: index)
        let isWaiting = fetcher.cache.table.withLock { table in
            _ = table.want(index..<(index + 1), of: fetcher.object, isDemanded: true)
            return table.wait(for: key, waiter)
        }
        #expect(isWaiting)
        try fetcher.notify()
        return waiter
    }

    private static func fill(_ job: BlockJob) {
        let bytes = [UInt8](repeating: 7, count: Int(size))
        while !job.isDone { job.append(unsafe bytes.span.bytes) }
    }

    private static func isHere(_ waiter: BlockWaiter) -> Bool {
        if case .success = waiter.wait(until: MonotonicClock.now + 60) { true } else { false }
    }

    @Test("many who wait for one block make one request")
    func once() throws {
        let gate = Gate()
        let count = Atomic<Int>(0)
        let fetcher = BlockFetcher(in: BlockCache(byteLimit: 4 << 20), byteCount: 8 * Self.size) { job in
            count.add(1, ordering: .relaxed)
            gate.wait()
            Self.fill(job)
            return .brought
        }
        defer { fetcher.close() }
        let waiters = try (0..<10).map { _ in try Self.wait(for: 2, fetcher) }
        gate.open()
        for waiter in waiters { #expect(Self.isHere(waiter)) }
        #expect(count.load(ordering: .relaxed) == 1)
    }

    @Test("who settles it waits until what was brought is kept as well")
    func settling() throws {
        let gate = Gate()
        let isKept = Atomic<Bool>(false)
        let fetcher = BlockFetcher(in: BlockCache(byteLimit: 4 << 20), byteCount: 8 * Self.size) { job in
            Self.fill(job)
            gate.wait()
            isKept.store(true, ordering: .relaxed)
            return .brought
        }
        defer { fetcher.close() }
        #expect(Self.isHere(try Self.wait(for: 2, fetcher)))
        fetcher.settle(until: MonotonicClock.now)
        let before = isKept.load(ordering: .relaxed)
        #expect(!before)
        gate.open()
        fetcher.settle(until: MonotonicClock.now + 60)
        let after = isKept.load(ordering: .relaxed)
        #expect(after)
    }

    @Test("a silent request holds up no one who waits for other blocks")
    func silent() throws {
        let gate = Gate()
        let fetcher = BlockFetcher(in: BlockCache(byteLimit: 4 << 20), byteCount: 100 * Self.size) { job in
            if job.assignment.blocks.contains(0) { gate.wait() }
            Self.fill(job)
            return .brought
        }
        defer { fetcher.close() }
        let first = try Self.wait(for: 0, fetcher)
        let second = try Self.wait(for: 50, fetcher)
        #expect(Self.isHere(second))
        #expect(first.wait(until: 0) == nil)
        gate.open()
        #expect(Self.isHere(first))
    }

    @Test("what fails is tried again until it comes, by one at a time")
    func failing() throws {
        let attempts = Mutex((count: 0, running: 0, most: 0))
        let fetcher = BlockFetcher(in: BlockCache(byteLimit: 4 << 20), byteCount: 100 * Self.size) { job in
            let count = attempts.withLock { attempts in
                attempts.count += 1
                attempts.running += 1
                // The first ones run before anyone knows.
                if 8...9 ~= attempts.count { attempts.most = max(attempts.most, attempts.running) }
                return attempts.count
            }
            defer { attempts.withLock { $0.running -= 1 } }
            guard count > 8 else { return .failed("no", delay: 0.001, isCrowded: false) }
            Self.fill(job)
            return .brought
        }
        defer { fetcher.close() }
        let waiters = try (0..<6).map { try Self.wait(for: UInt64($0) * 10, fetcher) }
        for waiter in waiters { #expect(Self.isHere(waiter)) }
        #expect(fetcher.lastFailure == nil)
        #expect(attempts.withLock { $0.most } == 1)
    }

    @Test("a reader that comes when no one waits is not held up by the pause of those before it")
    func newcomer() throws {
        var retry = RetryPolicy()
        for _ in 0..<12 { retry.noteFailure(at: MonotonicClock.now + 3_600, random: 1) }
        let fetcher = BlockFetcher(
            in: BlockCache(byteLimit: 4 << 20), byteCount: 100 * Self.size, retry: retry
        ) { job in
            Self.fill(job)
            return .brought
        }
        defer { fetcher.close() }
        let held = try Self.wait(for: 1, fetcher)
        #expect(held.wait(until: MonotonicClock.now + 0.1) == nil)
        fetcher.readerBegins()
        #expect(Self.isHere(held))
        fetcher.readerEnds()
    }

    @Test("a refusal is told to those who wait, and the next one is tried again")
    func refused() throws {
        let isWell = Atomic<Bool>(false)
        let fetcher = BlockFetcher(in: BlockCache(byteLimit: 4 << 20), byteCount: 100 * Self.size) { job in
            guard isWell.load(ordering: .relaxed) else { return .refused("403") }
            Self.fill(job)
            return .brought
        }
        defer { fetcher.close() }
        let first = try Self.wait(for: 1, fetcher)
        guard case .failure(.remote(_, "403")) = first.wait(until: MonotonicClock.now + 30) else {
            Issue.record("no one was told")
            return
        }
        isWell.store(true, ordering: .relaxed)
        let second = try Self.wait(for: 1, fetcher)
        #expect(Self.isHere(second))
    }

    @Test("another version is told to all, for good")
    func stale() throws {
        let fetcher = BlockFetcher(in: BlockCache(byteLimit: 4 << 20), byteCount: 100 * Self.size) { _ in
            .stale("another one")
        }
        defer { fetcher.close() }
        let waiter = try Self.wait(for: 1, fetcher)
        guard case .failure(.stale) = waiter.wait(until: MonotonicClock.now + 30) else {
            Issue.record("no one was told")
            return
        }
        #expect(fetcher.staleness == "another one")
        #expect(fetcher.cache.byteCount == 0)
    }

    @Test("who waits for a source that is closed is told")
    func closed() throws {
        let gate = Gate()
        let fetcher = BlockFetcher(in: BlockCache(byteLimit: 4 << 20), byteCount: 100 * Self.size) { job in
            gate.wait()
            Self.fill(job)
            return .brought
        }
        let waiter = try Self.wait(for: 1, fetcher)
        fetcher.close()
        guard case .failure(.interrupted) = waiter.wait(until: MonotonicClock.now + 30) else {
            Issue.record("no one was told")
            return
        }
        gate.open()
        #expect(fetcher.cache.byteCount == 0)
    }
}
