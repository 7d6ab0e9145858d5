// What bad servers get: right bytes, or an error within the time of a read, and right bytes again when it ends.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import RemoteSources

@Suite("What bad servers get")
struct FaultTests {
    private static let file = WebFile(RemoteFixture.bytes(5_000_000))

    /// What a read comes to, held against the file; nil where it is an error that may go away.
    private static func read(
        _ source: any ByteSource, _ range: Range<Int>, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Bool {
        do {
            let bytes = try source.bytes(range.count, at: UInt64(range.lowerBound))
            #expect(bytes == Array(file.bytes[range]), "wrong bytes", sourceLocation: sourceLocation)
            return true
        } catch ReadError.remote {
            return false
        }
    }

    /// Reads until the bytes come, as the server is well now.
    private static func readAgain(_ source: any ByteSource, _ range: Range<Int>) throws {
        let end = MonotonicClock.now + 60
        while try !read(source, range) {
            try #require(MonotonicClock.now < end, "the error stays")
        }
    }

    private static func timeout(_ outcome: Fault.Outcome) -> Double {
        outcome == .right ? 60 : 1.5
    }

    @Test("while it is open", arguments: Fault.all)
    func whileOpen(fault: Fault) throws {
        try RemoteFixture.with(timeout: Self.timeout(fault.whileOpen), Self.file.served) { fixture throws in
            let source = try fixture.open()
            #expect(try Self.read(source, 0..<100_000))
            fixture.server.behave(fault.behaviour(Self.file))
            let start = MonotonicClock.now
            switch fault.whileOpen {
            case .right: #expect(try Self.read(source, 2_000_000..<3_000_000))
            case .error: #expect(try !Self.read(source, 2_000_000..<3_000_000))
            case .rightOrError: _ = try Self.read(source, 2_000_000..<3_000_000)
            case .stale:
                #expect(throws: ReadError.stale(source: fixture.server.url("/file"))) {
                    try source.bytes(1_000, at: 2_000_000)
                }
            }
            #expect(MonotonicClock.now - start < Self.timeout(fault.whileOpen) + 20, "a read without end")
            #expect(fixture.cache.byteCount <= 17 << 20)
            fixture.server.behave(Self.file.served)
            guard fault.whileOpen != .stale else {
                #expect(throws: ReadError.self) { try source.bytes(1_000, at: 0) }
                return
            }
            try Self.readAgain(source, 2_000_000..<3_000_000)
            try Self.readAgain(source, 0..<5_000_000)
        }
    }

    @Test("at opening", arguments: Fault.all)
    func atOpening(fault: Fault) throws {
        try RemoteFixture.with(
            timeout: Self.timeout(fault.atOpening), fault.behaviour(Self.file)
        ) { fixture throws in
            let start = MonotonicClock.now
            do {
                let source = try fixture.open()
                #expect(fault.atOpening != .error, "it opens")
                if fault.atOpening == .right, fault.whileOpen == .right || source is SpooledSource {
                    #expect(source.byteCount == 5_000_000)
                    #expect(try Self.read(source, 0..<5_000_000))
                } else {
                    _ = try Self.read(source, 1_500_000..<2_000_000)
                }
                fixture.server.behave(Self.file.served)
                if source.byteCount == 5_000_000 { try Self.readAgain(source, 3_000_000..<3_500_000) }
            } catch ReadError.remote(_, let reason) {
                #expect(fault.atOpening != .right, "\(reason)")
            }
            #expect(
                MonotonicClock.now - start < Self.timeout(fault.atOpening) * 2 + 60, "an opening without end")
            fixture.server.behave(Self.file.served)
            #expect(try Self.read(try fixture.open(), 4_000_000..<5_000_000))
        }
    }

    @Test("lost connections cost little more than what they had not brought, and no error")
    func losses() throws {
        let file = WebFile(RemoteFixture.bytes(20_000_000))
        let blocks = (0..<76).map { $0 * 29 % 76 }
        /// Requests and bytes of a run in which one request of so many is cut off in its body.
        func run(losing interval: Int) throws -> (requests: Int, bytes: Int) {
            let (requests, sent) = (Counter(), Counter())
            return try RemoteFixture.with({ request, connection in
                guard let range = request.range(in: file.bytes.count), !range.isEmpty else {
                    return file.answer(request, connection)
                }
                let isLost = requests.add(1) % interval == 0
                let count = isLost ? range.count / 2 : range.count
                sent.add(count)
                connection.sendHead(206, file.headers(for: range))
                connection.send(file.bytes[range].prefix(count))
                if isLost { connection.close() }
            }) { fixture throws in
                let source = try fixture.open()
                for block in blocks {
                    let start = block * 262_144
                    let bytes = try source.bytes(70_000, at: UInt64(start))
                    #expect(bytes == Array(file.bytes[start..<(start + 70_000)]))
                }
                for start in stride(from: 0, to: 20_000_000, by: 100_000) {
                    let bytes = try source.bytes(100_000, at: UInt64(start))
                    #expect(bytes == Array(file.bytes[start..<(start + 100_000)]))
                }
                return (requests.add(0), sent.add(0))
            }
        }
        let well = try run(losing: .max)
        // Ten times as often as the goal says.
        let lossy = try run(losing: 10)
        // How many there are without losses depends on the machine, too.
        #expect(lossy.requests >= well.requests / 2)
        #expect(Double(lossy.requests) <= 1.5 * Double(well.requests), "\(well) \(lossy)")
        #expect(Double(lossy.bytes) <= 1.5 * Double(well.bytes), "\(well) \(lossy)")
    }

    @Test("a file that is replaced is stale, for good, whatever it is replaced by", arguments: [0, 1, 2, 3])
    func replaced(kind: Int) throws {
        let versions: [(WebFile, WebFile)] = [
            (Self.file, WebFile(RemoteFixture.bytes(5_000_000, seed: 2), headers: ["ETag: \"2\""])),
            (
                WebFile(Self.file.bytes, headers: ["Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"]),
                WebFile(
                    RemoteFixture.bytes(5_000_000, seed: 2),
                    headers: ["Last-Modified: Sun, 06 Nov 1994 08:49:38 GMT"])
            ),
            (
                WebFile(Self.file.bytes, headers: []),
                WebFile(RemoteFixture.bytes(4_999_999, seed: 2), headers: [])
            ),
            (Self.file, WebFile(RemoteFixture.bytes(100, seed: 2), headers: ["ETag: \"2\""])),
        ]
        let (before, after) = versions[kind]
        try RemoteFixture.with(before.served) { fixture throws in
            let source = try fixture.open()
            #expect(try source.bytes(1_000_000, at: 0) == Array(before.bytes[..<1_000_000]))
            fixture.server.behave { request, connection in
                // As a server does that knows If-Range.
                guard kind == 0, request.headers["if-range"] == "\"1\"" else {
                    return after.answer(request, connection)
                }
                connection.sendHead(200, ["Content-Length: \(after.bytes.count)"] + after.headers)
                connection.send(after.bytes)
            }
            if kind == 3 {
                // A range behind the end of the new file says nothing of its version.
                fixture.server.behave { _, connection in connection.answer(412) }
            }
            for _ in 0..<2 {
                #expect(throws: ReadError.stale(source: fixture.server.url("/file"))) {
                    try source.bytes(1_000_000, at: 2_000_000)
                }
            }
            // What was in memory is of the version that is gone.
            #expect(throws: ReadError.self) { try source.bytes(1, at: 0) }
            fixture.server.behave(before.served)
            #expect(throws: ReadError.self) { try source.bytes(1, at: 0) }
            #expect(try fixture.open().bytes(10, at: 0) == Array(before.bytes[..<10]))
        }
    }
}
