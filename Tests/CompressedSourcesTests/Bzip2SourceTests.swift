// Tests of bzip2 files.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import CompressedSources

@Suite("A bzip2 file")
struct Bzip2SourceTests {
    private static func bzip2(_ bytes: [UInt8], _ options: String...) throws -> [UInt8] {
        try CompressionProgram.compress(bytes, ["bzip2"] + options)
    }

    private static var context: CompressedSource.Context {
        CompressedSource.Context(
            maximumByteCount: 1 << 30, budget: OpeningBudget(), cache: StretchCache(byteLimit: 1 << 20))
    }

    @Test("a read decodes its block only")
    func randomAccess() throws {
        let content = GzipSourceTests.content(2_000_000)
        let bytes = try Self.bzip2(content, "-1")
        let stored = CountingSource(MemorySource(bytes))
        let source = try OpeningContext().open(stored)
        let opened = stored.bytesRead
        #expect(content.holds(try source.bytes(1_000, at: 1_500_000), at: 1_500_000))
        #expect(stored.bytesRead - opened < bytes.count / 2)
    }

    @Test("blocks that decode to much more than they hold")
    func zeros() throws {
        // A block of 900,000 bytes holds 45 MB of zeros.
        let zeros = [UInt8](repeating: 0, count: 50 << 20)
        let source = try OpeningContext(cacheByteLimit: 1 << 20).open(Self.bzip2(zeros))
        #expect(source.byteCount == 50 << 20)
        for start in [0, 25 << 20, 50 << 20 - 1000] {
            #expect(try source.bytes(1_000, at: UInt64(start)).allSatisfy { $0 == 0 })
        }
    }

    @Test("a mark that is data by chance does not end its block")
    func chanceMarks() throws {
        var random = SeededRandom(seed: 8)
        let base = MemorySource(try Self.bzip2(random.bytes(700_000), "-1"))
        let share = BudgetShare(of: OpeningBudget())
        let marks = try Bzip2Scan.marks(of: base, named: "test", share: share)
        let right = try Bzip2Layout.read(base, named: "test", marks: marks, in: Self.context)
        try #require(right.table.units.count >= 5 && right.isWhole)
        for (index, isStreamEnd) in [(1, false), (2, true), (4, false)] {
            var more = marks
            for extra in 0..<2 {
                more.insert(
                    Bzip2Mark(
                        bit: marks[index].bit - UInt64(3_000 - extra * 500), isStreamEnd: isStreamEnd,
                        level: 1,
                        isFirst: false), at: index + extra)
            }
            let layout = try Bzip2Layout.read(base, named: "test", marks: more, in: Self.context)
            #expect(layout.table.units == right.table.units)
        }
    }

    @Test("a block that is missing or moved is found by the checksum of the stream")
    func missingBlock() throws {
        let content = GzipSourceTests.content(500_000)
        let base = MemorySource(try Self.bzip2(content, "-1"))
        let share = BudgetShare(of: OpeningBudget())
        let marks = try Bzip2Scan.marks(of: base, named: "test", share: share)
        #expect(throws: ReadError.self) {
            try Bzip2Layout.read(base, named: "test", marks: Array(marks.dropLast()), in: Self.context)
        }
        var bytes = try base.bytes(Int(base.byteCount), at: 0)
        // The checksum of the stream ends within the last two bytes.
        bytes[bytes.count - 3] ^= 1
        #expect(throws: ReadError.self) { try OpeningContext().open(bytes) }
    }

    @Test("bytes behind the last stream are refused; lenient leaves them out")
    func garbage() throws {
        let content = GzipSourceTests.content(10_000)
        for tail in [[0, 0, 0, 0], Array("BZh9 and nothing of it".utf8)] as [[UInt8]] {
            let stored = try Self.bzip2(content) + tail
            let error = #expect(throws: ReadError.self) { try OpeningContext().open(stored) }
            #expect(error?.remedy == .lenient)
            #expect(try OpeningContext(isLenient: true).open(stored).bytes(10_000, at: 0) == content)
        }
    }

    @Test("a file of nothing but marks is refused at once")
    func marks() throws {
        var bytes = Array("BZh9".utf8)
        for _ in 0..<200_000 { bytes += [0x31, 0x41, 0x59, 0x26, 0x53, 0x59] }
        let start = ContinuousClock.now
        #expect(throws: ReadError.self) { try OpeningContext().open(bytes) }
        #expect(ContinuousClock.now - start < .seconds(30))
        let small = OpeningBudget(byteLimit: 1 << 20)
        #expect(throws: ReadError.self) { try OpeningContext(budget: small).open(bytes) }
        #expect(small.usedByteCount == 0)
    }

    @Test("streams of nothing are read over in large pieces, and have a bound")
    func emptyStreams() throws {
        let empty = try Self.bzip2([])
        var stored = (0..<1_000).flatMap { _ in empty }
        let counted = CountingSource(MemorySource(stored))
        #expect(try OpeningContext().open(counted).byteCount == 0)
        #expect(counted.readCount < 10)
        while stored.count / empty.count <= Bzip2Scan.mostStreams { stored += stored }
        let error = #expect(throws: ReadError.self) { try OpeningContext().open(stored) }
        #expect("\(try #require(error))".contains("streams"))
    }

    @Test("every number of threads finds the same blocks", arguments: [1, 2, 7])
    func threads(count: Int) throws {
        let content = GzipSourceTests.content(1_500_000)
        let source = try OpeningContext(threadCount: count).open(Self.bzip2(content, "-1"))
        #expect(try source.bytes(content.count, at: 0).holds(content, at: 0))
    }
}
