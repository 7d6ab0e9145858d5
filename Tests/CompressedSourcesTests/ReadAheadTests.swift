// Tests of decoding ahead of who reads a compressed file from front to back.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import CompressedSources

@Suite("Decoding units ahead")
struct ReadAheadTests {
    private static let unitByteCount = 256 << 10
    private static let piece = 64 << 10

    private static func stored(_ content: [UInt8]) throws -> [UInt8] {
        try CompressionProgram.compress(content, ["xz", "-1", "--block-size=\(unitByteCount)"])
    }

    private static func open(
        _ stored: [UInt8], _ workers: UnitWorkers, cacheByteLimit: Int = 64 << 20,
        budget: OpeningBudget = OpeningBudget()
    ) throws -> UnitSource {
        let context = OpeningContext(cacheByteLimit: cacheByteLimit, budget: budget, workers: workers)
        return try #require(try context.open(stored) as? UnitSource)
    }

    /// Whether something comes about, sooner or later.
    private static func comes(_ isThere: () -> Bool) -> Bool {
        let deadline = MonotonicClock.now + 60
        while !isThere() {
            guard MonotonicClock.now < deadline else { return false }
            _ = Monitor(0).withLock(waitingWhile: { _ in true }, until: MonotonicClock.now + 0.01) { $0 }
        }
        return true
    }

    private static func holds(_ unit: Int, _ source: UnitSource) -> Bool {
        source.cache.holds(source.key(0, of: unit))
    }

    @Test("what follows a reader is decoded before it is asked for, and all memory goes back")
    func sequential() throws {
        let content = GzipSourceTests.content(8 << 20)
        let budget = OpeningBudget()
        let workers = UnitWorkers(threadCount: 2)
        do {
            let source = try Self.open(Self.stored(content), workers, budget: budget)
            for start in stride(from: 0, to: 2 << 20, by: Self.piece) {
                #expect(content.holds(try source.bytes(Self.piece, at: UInt64(start)), at: start))
            }
            // Four times what was read, at most.
            #expect(Self.comes { (8..<12).allSatisfy { Self.holds($0, source) } })
            for start in stride(from: 2 << 20, to: 8 << 20, by: Self.piece) {
                #expect(content.holds(try source.bytes(Self.piece, at: UInt64(start)), at: start))
            }
            #expect(Self.comes { source.state.withLock { $0.aheadCount == 0 && $0.units.isEmpty } })
        }
        workers.stop()
        #expect(Self.comes { budget.usedByteCount == 0 })
    }

    @Test("who leaps about has nothing decoded ahead")
    func random() throws {
        let content = GzipSourceTests.content(8 << 20)
        let workers = UnitWorkers(threadCount: 2)
        defer { workers.stop() }
        let source = try Self.open(Self.stored(content), workers)
        var touched: Set<Int> = []
        for step in 0..<8 {
            let start = step * 13 % 32 * Self.unitByteCount + 1_000
            touched.insert(source.table.index(containing: UInt64(start)))
            #expect(content.holds(try source.bytes(1_000, at: UInt64(start)), at: start))
            #expect(source.state.withLock { $0.aheadCount } == 0)
        }
        #expect((0..<32).filter { Self.holds($0, source) } == touched.sorted())
    }

    @Test("memory is that of the cache, and what was passed goes first", arguments: [1, 4])
    func bound(threadCount: Int) throws {
        let content = GzipSourceTests.content(8 << 20)
        let workers = UnitWorkers(threadCount: threadCount)
        defer { workers.stop() }
        let limit = 2 << 20
        let stored = CountingSource(MemorySource(try Self.stored(content)))
        let context = OpeningContext(cacheByteLimit: limit, workers: workers)
        let source = try #require(try context.open(stored) as? UnitSource)
        for start in stride(from: 0, to: content.count, by: Self.piece) {
            #expect(content.holds(try source.bytes(Self.piece, at: UInt64(start)), at: start))
            #expect(source.cache.byteCount <= limit)
        }
        // Hardly anything was decoded, thrown away and decoded again: threads that come late may be too late for some.
        #expect(stored.bytesRead < Int(stored.byteCount) * (threadCount == 1 ? 3 : 5) / 2)
    }

    @Test("damage ahead of a reader is told where it is")
    func damage() throws {
        let content = GzipSourceTests.content(4 << 20)
        var stored = try Self.stored(content)
        let workers = UnitWorkers(threadCount: 3)
        defer { workers.stop() }
        let table = try Self.open(stored, workers).table
        stored[Int(table.units[10].stored.lowerBound) + 500] ^= 4
        let source = try Self.open(stored, workers)
        for start in stride(from: 0, to: content.count, by: Self.piece) {
            if start / Self.unitByteCount == 10 {
                #expect(throws: ReadError.self) { try source.bytes(Self.piece, at: UInt64(start)) }
            } else {
                #expect(content.holds(try source.bytes(Self.piece, at: UInt64(start)), at: start))
            }
        }
    }

    @Test("readers are told apart by where they read")
    func readers() {
        var readers = FileReaders()
        for step in 0..<8 as Range<UInt64> {
            for start in [0, 1 << 30, 5 << 30] as [UInt64] {
                let place = start + step * 512 << 10
                let reader = readers.note(place..<(place + 512 << 10))
                #expect((reader?.isSequential ?? false) == (step >= 2))
            }
        }
        #expect(readers.readers.count == 3)
        for place in 0..<20 as Range<UInt64> {
            #expect(readers.note(place << 40 + 7 << 35..<place << 40 + 7 << 35 + 10) == nil)
        }
        #expect(readers.readers.count == 4)
        #expect(readers.note((.max - 10)..<(.max - 1)) == nil)
    }
}
