// Tests of what holds for every compressed format.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization
import TestSupport
import Testing

@testable import CompressedSources

@Suite("A compressed file")
struct CompressedSourceTests {
    @Test(
        "reads as what was compressed, whole and in parts, forwards and backwards",
        arguments: CompressedCase.all)
    func content(_ format: CompressedCase) throws {
        let content = GzipSourceTests.content(3_000_000)
        let source = try OpeningContext().open(format.compress(content))
        #expect(source.byteCount == 3_000_000)
        #expect(try source.bytes(3_000_000, at: 0).holds(content, at: 0))
        if let count = format.unitCount {
            #expect((source as? UnitSource)?.table.units.count == count)
        }
        var random = SeededRandom(seed: 11)
        for _ in 0..<60 {
            let start = Int.random(in: 0..<content.count, using: &random)
            let count = Int.random(in: 0...min(200_000, content.count - start), using: &random)
            #expect(content.holds(try source.bytes(count, at: UInt64(start)), at: start))
        }
        #expect(throws: ReadError.self) { try source.bytes(1, at: 3_000_000) }
        #expect(throws: ReadError.self) { try source.bytes(2, at: 2_999_999) }
    }

    /// So small that no unit is kept whole: every read goes on where another one stopped, or starts anew.
    @Test("reads the same with a cache that keeps nothing", arguments: CompressedCase.ofUnits)
    func withoutCache(_ format: CompressedCase) throws {
        let content = GzipSourceTests.content(4_000_000, seed: 2)
        let source = try OpeningContext(cacheByteLimit: 64 << 10).open(format.compress(content))
        for start in stride(from: 3_900_000, through: 0, by: -650_000) {
            #expect(content.holds(try source.bytes(100_000, at: UInt64(start)), at: start))
        }
        #expect(try source.bytes(content.count, at: 0).holds(content, at: 0))
    }

    @Test(
        "threads that read it at once all get right bytes", arguments: CompressedCase.all,
        [64 << 20, 1 << 20])
    func threads(_ format: CompressedCase, cacheByteLimit: Int) throws {
        let content = GzipSourceTests.content(4_000_000, seed: 3)
        let source = try OpeningContext(cacheByteLimit: cacheByteLimit).open(format.compress(content))
        let wrong = Mutex<[String]>([])
        WorkerThread.concurrently(6) { worker in
            var random = SeededRandom(seed: UInt64(worker))
            for step in 0..<20 {
                // Some go through the file together, some jump about.
                let start =
                    worker < 3 ? step * 190_000 : Int.random(in: 0..<(content.count - 1000), using: &random)
                let count = min(190_000, content.count - start)
                guard let bytes = try? source.bytes(count, at: UInt64(start)), content.holds(bytes, at: start)
                else {
                    wrong.withLock { $0.append("\(count) bytes at \(start)") }
                    continue
                }
            }
        }
        #expect(wrong.withLock { $0 } == [])
    }

    @Test("an empty content is a source of no bytes", arguments: CompressedCase.all)
    func empty(_ format: CompressedCase) throws {
        #expect(try OpeningContext().open(format.compress([])).byteCount == 0)
    }

    @Test(
        "several streams are one content, and empty ones are nothing",
        arguments: ["gzip", "xz", "zstd", "bzip2"])
    func several(program: String) throws {
        let parts = (0..<4).map { GzipSourceTests.content($0 * 300_000, seed: UInt64($0)) }
        let stored = try parts.flatMap { try CompressionProgram.compress($0, [program, "-q"]) }
        let content = parts.flatMap { $0 }
        let source = try OpeningContext().open(stored)
        #expect(source.byteCount == UInt64(content.count))
        #expect(try source.bytes(content.count, at: 0).holds(content, at: 0))
        for start in stride(from: content.count - 1, to: 0, by: -222_222) {
            let count = min(1_000, content.count - start)
            #expect(content.holds(try source.bytes(count, at: UInt64(start)), at: start))
        }
    }

    @Test(
        "cut anywhere, it is refused: never a shorter disk",
        arguments: [
            CompressedCase.xz[0], CompressedCase.xz[3], CompressedCase.zstd[0], CompressedCase.zstd[1],
            CompressedCase.bzip2[1], CompressedCase.gzip[0],
        ])
    func cut(_ format: CompressedCase) throws {
        let content = GzipSourceTests.content(300_000, seed: 4)
        let stored = try format.compress(content)
        for length in Array(stride(from: 1, to: stored.count, by: 1_000)) + [
            stored.count - 1, stored.count - 5,
        ] {
            let error = #expect(throws: (any Error).self, "\(length) of \(stored.count)") {
                try OpeningContext().open(Array(stored.prefix(length)))
            }
            // So little is left of some that they are no compressed file at all.
            #expect(error is ReadError || length < CompressionFormat.headByteCount)
        }
    }

    @Test(
        "each stretch of bytes damaged: what is read is right, or an error that names the file",
        arguments: [
            CompressedCase.xz[0], CompressedCase.xz[3], CompressedCase.zstd[0], CompressedCase.bzip2[1],
            CompressedCase.gzip[0],
        ])
    func damaged(_ format: CompressedCase) throws {
        let content = GzipSourceTests.content(250_000, seed: 5)
        let stored = try format.compress(content)
        // Files that do not open, and stretches that are errors.
        var refused = 0
        for start in stride(from: 0, to: stored.count, by: max(1, stored.count / 150)) {
            var bytes = stored
            bytes[start] ^= UInt8(1 << (start % 8))
            do {
                let source = try OpeningContext(maximumByteCount: 4 << 20).open(bytes)
                guard source.byteCount == UInt64(content.count) else {
                    // A length that the file states otherwise: then nothing of it can be read to the end.
                    #expect(throws: ReadError.self, "byte \(start)") {
                        try source.bytes(1, at: source.byteCount - 1)
                    }
                    continue
                }
                for place in stride(from: 0, to: content.count, by: 50_000) {
                    guard let part = try? source.bytes(50_000, at: UInt64(place)) else {
                        refused += 1
                        continue
                    }
                    #expect(content.holds(part, at: place), "byte \(start)")
                }
            } catch let error as ReadError {
                refused += 1
                #expect("\(error)".contains("file"))
            } catch {
                // The first bytes, which tell what it is.
                #expect(start < CompressionFormat.headByteCount)
            }
        }
        // Or the test looks at nothing.
        #expect(refused > 0)
    }

    @Test(
        "what takes more than is expected of it is refused",
        arguments: [["gzip"], ["bzip2"], ["zstd", "-q"]])
    func bomb(command: [String]) throws {
        // Without its length, where the program would write one.
        let zeros = [UInt8](repeating: 0, count: 24 << 20)
        var bomb = try CompressionProgram.compress(zeros, command)
        if command[0] == "zstd" { bomb = try ZstdParts.withoutContentSize(bomb) }
        let error = #expect(throws: ReadError.self) {
            try OpeningContext(maximumByteCount: 1 << 20).open(bomb)
        }
        guard case .unsupported = try #require(error) else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(
        "all memory comes from the budget, and goes back when the file is closed",
        arguments: CompressedCase.all)
    func budget(_ format: CompressedCase) throws {
        let budget = OpeningBudget()
        let stored = try format.compress(GzipSourceTests.content(2_000_000))
        do {
            let source = try OpeningContext(cacheByteLimit: 1 << 20, budget: budget).open(stored)
            _ = try source.bytes(1_000, at: 1_900_000)
            _ = try source.bytes(1_000, at: 100)
            #expect(budget.usedByteCount > 0)
            let small = OpeningBudget(byteLimit: 100_000)
            #expect(throws: ReadError.self) { try OpeningContext(budget: small).open(stored) }
            #expect(small.usedByteCount == 0)
        }
        #expect(budget.usedByteCount == 0)
    }

    @Test("a read that no one waits for ends", arguments: CompressedCase.ofUnits)
    func calledOff(_ format: CompressedCase) throws {
        let content = GzipSourceTests.content(700_000)
        let source = try OpeningContext(cacheByteLimit: 1 << 20).open(format.compress(content))
        let read = PatientRead(decodingIn: DecoderPlaces(1))
        read.cancel()
        read.perform {
            #expect(throws: ReadError.interrupted) { try source.bytes(700_000, at: 0) }
        }
        #expect(try source.bytes(700_000, at: 0).holds(content, at: 0))
    }

    @Test("who may not wait gets what is in memory, and is told otherwise", arguments: CompressedCase.ofUnits)
    func patience(_ format: CompressedCase) throws {
        let content = GzipSourceTests.content(600_000)
        let source = try OpeningContext().open(format.compress(content))
        #expect(throws: ReadError.wouldWait) {
            try Patience.usesCacheOnly.during { () throws(ReadError) in try source.bytes(10, at: 5) }
        }
        _ = try source.bytes(600_000, at: 0)
        let bytes = try Patience.usesCacheOnly.during { () throws(ReadError) in
            try source.bytes(600_000, at: 0)
        }
        #expect(content.holds(bytes, at: 0))
    }

    @Test("a read that fails below is told of and tried again", arguments: CompressedCase.ofUnits)
    func badSector(_ format: CompressedCase) throws {
        let content = GzipSourceTests.content(3_000_000)
        let stored = try format.compress(content)
        let gate = SwitchedSource(MemorySource(stored))
        let source = try OpeningContext().open(gate)
        gate.fails.store(true, ordering: .relaxed)
        #expect(throws: FailingSource.failure) { try source.bytes(10, at: 2_900_000) }
        gate.fails.store(false, ordering: .relaxed)
        #expect(content.holds(try source.bytes(10, at: 2_900_000), at: 2_900_000))
    }
}

/// Fails every read while it is told to.
private final class SwitchedSource: ByteSource {
    private let base: any ByteSource
    let fails = Atomic(false)

    var byteCount: UInt64 { base.byteCount }

    init(_ base: any ByteSource) {
        self.base = base
    }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        guard !fails.load(ordering: .relaxed) else { throw FailingSource.failure }
        try base.read(count, at: offset, into: &output)
    }
}
