// Tests of files of servers that have no ranges.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import RemoteSources

@Suite("Files of servers without ranges")
struct SpooledSourceTests {
    private static let file = WebFile(RemoteFixture.bytes(3_000_000))

    /// Answers 200 with everything, by `send`.
    private static func whole(
        _ headers: [String] = ["Content-Length: 3000000", "ETag: \"1\""],
        _ send: @escaping @Sendable (WebConnection) -> Void = { $0.send(file.bytes) }
    ) -> WebServer.Behaviour {
        { request, connection in
            guard request.headers["range"] == nil else { return connection.answer(400) }
            connection.sendHead(200, headers)
            send(connection)
        }
    }

    @Test("one transfer brings all, and reads are served when their bytes are there")
    func frontier() throws {
        let gate = Gate()
        try RemoteFixture.with(
            Self.whole { connection in
                connection.send(Self.file.bytes[..<1_000_000])
                gate.wait()
                connection.send(Self.file.bytes[1_000_000...])
            }
        ) { fixture throws in
            defer { gate.open() }
            let source = try fixture.open()
            #expect(source is SpooledSource && source.byteCount == 3_000_000 && !source.isNear)
            #expect(try source.bytes(900_000, at: 100_000) == Array(Self.file.bytes[100_000..<1_000_000]))
            #expect(throws: ReadError.wouldWait) {
                try Patience.decodes.during { () throws(ReadError) in try source.bytes(1, at: 2_000_000) }
            }
            #expect(source.arrivesInOrder && source.isAtHand(0..<1_000_000))
            #expect(!source.isAtHand(0..<1_000_001))
            var ofCommand = fixture
            ofCommand.access.servesWhatHasCome = false
            let whole = try ofCommand.open()
            #expect(!whole.arrivesInOrder && !whole.isAtHand(0..<3_000_000))
            gate.open()
            #expect(try source.bytes(3_000_000, at: 0) == Self.file.bytes)
            let end = MonotonicClock.now + 60
            while source.arrivesInOrder, MonotonicClock.now < end { fixture.server.rest(0.01) }
            #expect(!source.arrivesInOrder && source.isAtHand(0..<3_000_000))
            #expect((4...8).contains(fixture.server.requests.count))
        }
    }

    @Test("chunks without a length are taken whole")
    func chunked() throws {
        try RemoteFixture.with(
            Self.whole(["Transfer-Encoding: chunked"]) { connection in
                connection.send("\(String(Self.file.bytes.count, radix: 16))\r\n")
                connection.send(Self.file.bytes)
                connection.send("\r\n0\r\n\r\n")
            }
        ) { fixture throws in
            let source = try fixture.open()
            #expect(source.byteCount == 3_000_000)
            #expect(try source.bytes(3_000_000, at: 0) == Self.file.bytes)
        }
    }

    @Test("what goes on behind the length that a service told is no such file, whatever came before")
    func longer() throws {
        let told = ObjectVersion(
            byteCount: 3_000_000, validator: .image(digest: "sha512:00", updatedAt: ""))
        for extra in [1, 700_000] {
            try RemoteFixture.with(
                Self.whole(["Transfer-Encoding: chunked"]) { connection in
                    let bytes = Self.file.bytes + [UInt8](repeating: 7, count: extra)
                    connection.send("\(String(bytes.count, radix: 16))\r\n")
                    connection.send(bytes)
                    connection.send("\r\n0\r\n\r\n")
                }
            ) { fixture throws in
                let object = RemoteObject(
                    try WebAddress(fixture.server.url("/file")), expectedVersion: told)
                let error = #expect(throws: ReadError.self) {
                    let source = try RemoteOpener.open(object, through: fixture.access)
                    _ = try source.bytes(1, at: 2_999_999)
                }
                #expect("\(error as Any)".contains("more than the 3000000 bytes"), "\(extra)")
            }
        }
    }

    @Test("a body that may have been cut off anywhere is refused")
    func unknownLength() throws {
        try RemoteFixture.with(
            Self.whole(["ETag: \"1\""]) { connection in
                connection.send(Self.file.bytes)
                connection.close()
            }
        ) { fixture throws in
            #expect(throws: ReadError.self) { try fixture.open() }
        }
    }

    @Test("a transfer that breaks is begun anew, and brings the rest")
    func broken() throws {
        let count = Counter()
        try RemoteFixture.with(
            Self.whole { connection in
                connection.send(Self.file.bytes.prefix(500_000 * count.add(1)))
                connection.rest(0.01)
                connection.close()
            }
        ) { fixture throws in
            let source = try fixture.open()
            #expect(try source.bytes(3_000_000, at: 0) == Self.file.bytes)
            #expect(count.add(0) >= 6)
        }
    }

    @Test("another file behind the same name is noticed by its bytes, and is stale for good")
    func changed() throws {
        let count = Counter()
        let other = RemoteFixture.bytes(3_000_000, seed: 9)
        try RemoteFixture.with(
            Self.whole(["Content-Length: 3000000"]) { connection in
                // However often opening asks.
                connection.send(count.add(0) == 0 ? Self.file.bytes.prefix(500_000) : other[...])
                connection.rest(0.01)
                connection.close()
            }
        ) { fixture throws in
            let source = try fixture.open()
            // Some of the first file is here.
            #expect(try source.bytes(1, at: 100_000) == Array(Self.file.bytes[100_000...100_000]))
            _ = count.add(1)
            #expect(throws: ReadError.stale(source: fixture.server.url("/file"))) {
                try source.bytes(1, at: 2_000_000)
            }
            #expect(throws: ReadError.stale(source: fixture.server.url("/file"))) {
                try source.bytes(1, at: 0)
            }
        }
    }

    @Test("a silent server ends a read, and its end makes it right again")
    func silent() throws {
        let count = Counter()
        try RemoteFixture.with(
            timeout: 1.5,
            Self.whole { connection in
                guard count.add(1) > 1 else {
                    connection.send(Self.file.bytes.prefix(500_000))
                    return connection.rest(60)
                }
                connection.send(Self.file.bytes)
            }
        ) { fixture throws in
            let source = try fixture.open()
            #expect(try source.bytes(500_000, at: 0) == Array(Self.file.bytes[..<500_000]))
            let end = MonotonicClock.now + 60
            while MonotonicClock.now < end, (try? source.bytes(1, at: 2_999_999)) == nil {}
            #expect(try source.bytes(3_000_000, at: 0) == Self.file.bytes)
        }
    }

    @Test("an endless body ends where it may be no longer")
    func endless() throws {
        try RemoteFixture.with(
            Self.whole(["Transfer-Encoding: chunked"]) { connection in
                let chunk = "10000\r\n" + String(repeating: "x", count: 65_536) + "\r\n"
                while connection.send(chunk) {}
                connection.close()
            }
        ) { fixture throws in
            var access = fixture.access
            access.spoolByteLimit = 10 << 20
            let object = RemoteObject(try WebAddress(fixture.server.url("/file")))
            #expect(throws: ReadError.self) { try RemoteOpener.open(object, through: access) }
        }
    }

    @Test("there is no place for it")
    func noPlace() throws {
        try RemoteFixture.with(Self.whole()) { fixture throws in
            var access = fixture.access
            access.spoolFolder = "/nowhere"
            let object = RemoteObject(try WebAddress(fixture.server.url("/file")))
            #expect(throws: ReadError.self) { try RemoteOpener.open(object, through: access) }
        }
    }
}
