// Tests of recording what is read, and of bringing it the next time.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import RemoteSources

@Suite("Records of reads")
struct RecordedReadsTests {
    private static let file = WebFile(RemoteFixture.bytes(24 << 20))
    private static let blockByteCount = 262_144

    private static func record(_ runs: [(UInt64, Range<UInt64>)]) -> RecordedReads {
        var record = RecordedReads(of: [1, 2, 3, 4, .max])
        for (time, blocks) in runs { for block in blocks { record.add(block, at: time) } }
        return record
    }

    @Test("a record is read as it was written")
    func text() throws {
        let record = Self.record([(0, 4..<9), (12, 100..<101), (13, 0..<1), (99, 9..<12)])
        #expect(record.runs.count == 4)
        #expect(try RecordedReads(parsing: Array(record.text.utf8)) == record)
        let empty = RecordedReads(of: [1, 2, 3, 4, 5])
        #expect(try RecordedReads(parsing: Array(empty.text.utf8)).runs.isEmpty)
    }

    @Test(
        "what is no record is refused with its place",
        arguments: [
            "", "\n", "object 1 2 3 4 5\n", "TITLE", "TITLE\n", "TITLE\nobject 1 2 3 4\n",
            "TITLE\nobject 1 2 3 4 x\n",
            "TITLE\nobject 1 2 3 4 5\n0 0\n", "TITLE\nobject 1 2 3 4 5\n0 0 0\n",
            "TITLE\nobject 1 2 3 4 5\n0 0 1",
            "TITLE\nobject 1 2 3 4 5\n\n", "TITLE\nobject 1 2 3 4 5\n0 18446744073709551615 1\n",
            "TITLE\nobject 1 2 3 4 5\n0 0 18446744073709551615\n", "TITLE\nobject 1 2 3 4 5\n-1 0 1\n",
            "TITLE\nobject 1 2 3 4 5\n0 0 524289\n", "TITLE\nobject 1 2 3 4 5\n0 0 400000\n0 0 400000\n",
            "TITLE\nobject 1 2 3 4 5\n0 0 1 \n",
        ])
    func refused(text: String) {
        let title = RecordedReads(of: []).text.split(separator: "\n")[0]
        let bytes = Array(text.replacing("TITLE", with: title).utf8)
        let error = #expect(throws: ReadError.self) { try RecordedReads(parsing: bytes) }
        guard case .corrupt(_, let offset, _) = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(offset <= UInt64(bytes.count))
    }

    @Test("bytes changed at random trap nowhere")
    func mutations() {
        let good = Array(Self.record([(0, 4..<9), (12, 100..<101), (99, 9..<12)]).text.utf8)
        var random = SeededRandom(seed: 11)
        for _ in 0..<2_000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            _ = try? RecordedReads(parsing: bytes)
        }
    }

    @Test("each block is written down once, when it is read first, and what was only brought is not")
    func recording() throws {
        try RemoteFixture.with(Self.file.served) { fixture throws in
            var fixture = fixture
            let recorder = ReadRecorder()
            fixture.access.recorder = recorder
            let source = try fixture.open()
            for offset in [20, 40, 20, 21, 3] as [UInt64] {
                _ = try source.bytes(100, at: offset * UInt64(Self.blockByteCount))
            }
            #expect(recorder.reads?.runs.map(\.blocks) == [20..<21, 40..<41, 21..<22, 3..<4])
        }
    }

    @Test("what a record lists is brought in its order before anyone reads it, and then asks for nothing")
    func replaying() throws {
        let blocks: [UInt64] = [60, 12, 80, 33, 50, 7]
        try RemoteFixture.with(cacheByteLimit: 32 << 20, Self.file.served) { fixture throws in
            var fixture = fixture
            let recorder = ReadRecorder()
            fixture.access.recorder = recorder
            let first = try fixture.open()
            for block in blocks { _ = try first.bytes(10, at: block * UInt64(Self.blockByteCount)) }
            fixture.access.replayed = recorder.reads
            fixture.access.recorder = nil
            let second = try fixture.open()
            let ranges = blocks.map {
                $0 * UInt64(Self.blockByteCount)..<($0 + 1) * UInt64(Self.blockByteCount)
            }
            let end = MonotonicClock.now + 60
            while !ranges.allSatisfy(second.isAtHand), MonotonicClock.now < end { fixture.server.rest(0.02) }
            #expect(ranges.allSatisfy(second.isAtHand))
            let count = fixture.server.requests.count
            for range in ranges {
                let bytes = Self.file.bytes[Int(range.lowerBound)..<Int(range.upperBound)]
                #expect(try second.bytes(range.count, at: range.lowerBound) == Array(bytes))
            }
            #expect(fixture.server.requests.count == count)
        }
    }

    @Test("a record of another version, or of blocks that are not there, changes nothing")
    func harmless() throws {
        try RemoteFixture.with(Self.file.served) { fixture throws in
            var fixture = fixture
            let notes = SleepingMutex<[String]>([])
            fixture.access.note = { note in notes.withLock { $0.append(note) } }
            fixture.access.replayed = Self.record([(0, 20..<30)])
            let source = try fixture.open()
            #expect(notes.withLock { $0.count == 1 && $0[0].contains("another version") })
            #expect(!source.isAtHand(20 * UInt64(Self.blockByteCount)..<21 * UInt64(Self.blockByteCount)))
            #expect(try source.bytes(10, at: 9_000_000) == Array(Self.file.bytes[9_000_000..<9_000_010]))

            let recorder = ReadRecorder()
            fixture.access.recorder = recorder
            _ = try fixture.open()
            var reads = try #require(recorder.reads)
            for block in [97, 1 << 60, .max - 1] as [UInt64] { reads.add(block, at: 0) }
            fixture.access.replayed = reads
            let third = try fixture.open()
            #expect(try third.bytes(10, at: 9_000_000) == Array(Self.file.bytes[9_000_000..<9_000_010]))
        }
    }

    @Test("a record that is longer than the cache leaves readers their room")
    func room() throws {
        try RemoteFixture.with(cacheByteLimit: 4 << 20, Self.file.served) { fixture throws in
            var fixture = fixture
            let recorder = ReadRecorder()
            fixture.access.recorder = recorder
            _ = try fixture.open()
            var reads = try #require(recorder.reads)
            for block in 8..<90 as Range<UInt64> { reads.add(block, at: 0) }
            fixture.access.replayed = reads
            let source = try fixture.open()
            for offset in stride(from: 0, to: 24 << 20, by: 1_000_000) {
                let count = min(1_000_000, (24 << 20) - offset)
                #expect(
                    try source.bytes(count, at: UInt64(offset))
                        == Array(Self.file.bytes[offset..<(offset + count)]))
            }
        }
    }
}
