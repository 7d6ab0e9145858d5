// Tests of work that takes what has arrived.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@Suite("Taking what has arrived")
struct ArrivedOnlyTests {
    private static let letters = MemorySource(Array("abcdefgh".utf8))

    private static func read(
        _ count: Int, of source: ArrivingSource
    ) throws(ReadError) -> ArrivedOnly.Outcome<[UInt8]> {
        try ArrivedOnly.during { () throws(ReadError) in try source.bytes(count, at: 0) }
    }

    @Test("gives up where bytes are lacking, says which, and can wait for them")
    func missing() throws {
        let source = ArrivingSource(Self.letters, arrivedByteCount: 3)
        guard case .done(let bytes) = try Self.read(3, of: source) else {
            Issue.record("what is there is not read")
            return
        }
        #expect(bytes == Array("abc".utf8))
        guard case .missing(let missing) = try Self.read(5, of: source) else {
            Issue.record("what is not there is read")
            return
        }
        // One inside of another one takes its place, and no longer than it lasts.
        let inner = try ArrivedOnly.during { () throws(ReadError) in
            _ = try Self.read(5, of: source)
            try missing.wait()
        }
        guard case .missing = inner else {
            Issue.record("it waits")
            return
        }
        #expect(throws: ReadError.wouldWait) {
            try Patience.decodes.during { () throws(ReadError) in try missing.wait() }
        }
        source.bring(to: 5)
        try missing.wait()
        #expect(try source.bytes(5, at: 0) == Array("abcde".utf8))
    }

    @Test("other errors are those of the work, and so is a refusal to wait that lacks no bytes")
    func errors() throws {
        let source = ArrivingSource(Self.letters, arrivedByteCount: 3)
        source.becomeStale()
        #expect(throws: ReadError.stale(source: "arriving source")) { try Self.read(1, of: source) }
        #expect(throws: ReadError.wouldWait) {
            try ArrivedOnly.during { () throws(ReadError) in throw .wouldWait }
        }
    }

    @Test("who looks at what is there goes on without the rest")
    func looking() throws {
        let source = ArrivingSource(Self.letters, arrivedByteCount: 3)
        #expect(ArrivedOnly.looking { (try? source.bytes(8, at: 0)) == nil })
        source.bring(to: 8)
        #expect(try source.bytes(8, at: 0).count == 8)
    }
}
