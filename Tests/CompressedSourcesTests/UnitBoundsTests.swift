// Tests of what decoding units may cost.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization
import TestSupport
import Testing

@testable import CompressedSources

@Suite("What decoding units costs")
struct UnitBoundsTests {
    private static func bytes(_ count: Int, at offset: UInt64, of source: any ByteSource) -> ReadError? {
        do throws(ReadError) {
            _ = try source.bytes(count, at: offset)
            return nil
        } catch {
            return error
        }
    }

    private static func isRefusal(_ error: ReadError?) -> Bool {
        if case .unsupported? = error { true } else { false }
    }

    @Test("a unit that the cache cannot hold and that is longer than anyone expects is refused, not decoded")
    func longUnit() throws {
        // 8 MiB of such runs are 256 GiB.
        let stored = CountingSource(MemorySource(ZstdParts.runs(10_000, saying: 10_000 << 17)))
        let source = try OpeningContext(maximumByteCount: 1 << 30).open(stored)
        let read = stored.bytesRead
        #expect(Self.isRefusal(Self.bytes(512, at: 0, of: source)))
        #expect(stored.bytesRead - read < 1_000)
        let zeros = [UInt8](repeating: 0, count: 4 << 20)
        for command in [["xz"], ["zstd", "-q"]] {
            let context = OpeningContext(cacheByteLimit: 1 << 20, maximumByteCount: 3 << 20)
            let source = try context.open(CompressionProgram.compress(zeros, command))
            #expect(Self.isRefusal(Self.bytes(512, at: 0, of: source)))
        }
    }

    @Test("many units that are each as long as expected are decoded after opening only")
    func manyUnits() throws {
        var random = SeededRandom(seed: 6)
        let content = random.bytes(8 << 20)
        for command in [["xz", "--block-size=1MiB"], ["xz"]] {
            let phase = OpeningPhase()
            let context = OpeningContext(
                cacheByteLimit: 1 << 20, maximumByteCount: UInt64(command.count == 1 ? 8 << 20 : 1 << 20),
                phase: phase)
            let source = try context.open(CompressionProgram.compress(content, command))
            // Backwards, so that a cursor is never of use.
            var refusals = 0
            for start in stride(from: 7 << 20, through: 0, by: -(1 << 20)) {
                if Self.isRefusal(Self.bytes(10, at: UInt64(start), of: source)) { refusals += 1 }
            }
            #expect(refusals > 0)
            phase.end()
            #expect(content.holds(try source.bytes(1 << 20, at: 0), at: 0))
            #expect(content.holds(try source.bytes(1 << 20, at: 7 << 20), at: 7 << 20))
        }
    }

    @Test("what the medium cannot read of a unit is asked for once, not for each place of the unit")
    func badSector() throws {
        var random = SeededRandom(seed: 7)
        let content = random.bytes(4 << 20)
        for command in [["xz", "--block-size=2MiB"], ["gzip"], ["zstd", "-q"], ["xz"]] {
            let stored = try CompressionProgram.compress(content, command)
            let failing = SectorSource(MemorySource(stored))
            let context = OpeningContext(cacheByteLimit: 64 << 20, failureSeconds: 1_000)
            let source = try context.open(failing)
            failing.bad.store(stored.count / 4, ordering: .relaxed)
            var errors = 0
            for start in stride(from: 0, to: content.count, by: 4_096) {
                guard let part = try? source.bytes(4_096, at: UInt64(start)) else {
                    errors += 1
                    continue
                }
                #expect(content.holds(part, at: start))
            }
            #expect(errors > 0)
            #expect(failing.failureCount.load(ordering: .relaxed) == 1, "\(command)")
        }
    }

    @Test("more damaged units than are remembered are all errors")
    func muchDamage() throws {
        var state = UnitSource.State(checked: CheckedUnits(count: 5_000))
        let error = ReadError.corrupt(record: "test", offset: 0, reason: "test")
        for unit in 0..<5_000 {
            state.note(error, from: 0, of: unit, for: 0)
            #expect(throws: error) { try state.checkDamage(of: unit, at: 0) }
        }
        #expect(state.damages.count < 2_000)
        state.note(FailingSource.failure, from: 0, of: 4_999, for: 0)
        #expect(throws: Never.self) { try state.checkDamage(of: 4_999, at: 0) }
    }

    @Test(
        "what follows a file and belongs to none is counted where it is left out",
        arguments: ["gzip", "zstd", "bzip2"])
    func leftOut(program: String) throws {
        let content = GzipSourceTests.content(100_000)
        let stored = try CompressionProgram.compress(content, [program, "-q"])
        let context = OpeningContext(isLenient: true)
        #expect(CompressedSource.leftOutByteCount(of: try context.open(stored)) == 0)
        let source = try context.open(stored + [UInt8](repeating: 0x33, count: 1_000))
        #expect(source.byteCount == 100_000)
        #expect(CompressedSource.leftOutByteCount(of: source) == 1_000)
        #expect(CompressedSource.leftOutByteCount(of: MemorySource(stored)) == 0)
    }

    @Test("steps that overlap do not end each other")
    func progress() {
        let progress = OpeningProgress()
        let first = progress.begin("first", of: 100)
        let second = progress.begin("second", of: 10)
        second.advance(by: 5)
        first.advance(by: 30)
        #expect(progress.current?.name == "first" && progress.current?.doneByteCount == 30)
        second.end()
        #expect(progress.current?.doneByteCount == 30)
        first.end()
        #expect(progress.current == nil)
    }
}

/// Fails reads of one byte, and counts them.
private final class SectorSource: ByteSource {
    private let base: any ByteSource
    /// Negative for none.
    let bad = Atomic(-1)
    let failureCount = Atomic(0)

    var byteCount: UInt64 { base.byteCount }

    init(_ base: any ByteSource) {
        self.base = base
    }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        let bad = bad.load(ordering: .relaxed)
        guard bad < Int(offset) || bad >= Int(offset) + count else {
            failureCount.add(1, ordering: .relaxed)
            throw FailingSource.failure
        }
        try base.read(count, at: offset, into: &output)
    }
}
