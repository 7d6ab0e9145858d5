// Tests of requests over real connections: what libcurl is told, and what it does on its own.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization
import TestSupport
import Testing

@testable import RemoteSources

@Suite("Requests over HTTP")
struct HTTPTransportTests {
    private static func ask(
        _ fixture: RemoteFixture, _ request: HTTPRequest? = nil, bodyLimit: Int = 1 << 20,
        seconds: Double = 30
    ) throws -> HTTPAnswer {
        try fixture.transport.exchange(
            request ?? HTTPRequest(.get, try WebAddress(fixture.server.url("/x?q=1"))), bodyLimit: bodyLimit,
            until: Deadline(after: seconds))
    }

    private static func kind(_ body: () throws -> Void) -> TransportError.Kind? {
        do {
            try body()
            return nil
        } catch {
            return (error as? TransportError)?.kind
        }
    }

    @Test("a request carries what it was given, and the answer is what came")
    func exchange() throws {
        try RemoteFixture.with({ _, connection in connection.answer(201, ["X-Y:  a b ", "X-y: c"], "body") })
        {
            fixture throws in
            let request = HTTPRequest(
                .post, try WebAddress(fixture.server.url("/a%20b?q=1#f")),
                headers: [
                    try HTTPHeader("X-Auth-Token", "t", isSecret: true), try HTTPHeader("X-Empty", ""),
                ],
                body: Array("{}".utf8))
            let answer = try Self.ask(fixture, request)
            #expect(answer.status == 201 && answer.body == Array("body".utf8))
            #expect(answer.headers.all("x-y") == ["a b", "c"])
            let seen = try #require(fixture.server.requests.first)
            #expect(seen.method == "POST" && seen.path == "/a%20b?q=1" && seen.body == Array("{}".utf8))
            #expect(seen.headers["x-auth-token"] == "t" && seen.headers["x-empty"] == "")
            #expect(seen.headers["user-agent"] == "ovafs" && seen.headers["expect"] == nil)
            #expect(!"\(request)".contains("q=1") && !"\(request.headers)".contains(": t"))
        }
    }

    @Test("the methods of an API", arguments: [HTTPRequest.Method.get, .post, .put, .patch, .delete])
    func methods(method: HTTPRequest.Method) throws {
        try RemoteFixture.with({ _, connection in connection.answer(204) }) { fixture throws in
            let address = try WebAddress(fixture.server.url("/"))
            for body in [nil, [], [1, 2, 3]] as [[UInt8]?] {
                #expect(try Self.ask(fixture, HTTPRequest(method, address, body: body)).status == 204)
            }
            #expect(fixture.server.requests.map(\.method) == Array(repeating: method.rawValue, count: 3))
            #expect(fixture.server.requests.last?.body == [1, 2, 3])
        }
    }

    @Test("one connection is used again, and a closed one is replaced without anyone noticing")
    func connections() throws {
        try RemoteFixture.with({ request, connection in
            connection.answer(200, [], "x")
            if request.path == "/last" { connection.close() }
        }) { fixture throws in
            for path in ["/a", "/b", "/last", "/c"] {
                let request = HTTPRequest(.get, try WebAddress(fixture.server.url(path)))
                #expect(try Self.ask(fixture, request).body == [0x78])
            }
            #expect(fixture.server.requests.map(\.connection) == [0, 0, 0, 1])
        }
    }

    @Test("an answer that is too long is not taken")
    func tooLong() throws {
        try RemoteFixture.with({ _, connection in
            connection.sendHead(200, ["Transfer-Encoding: chunked"])
            let chunk = "10000\r\n" + String(repeating: "x", count: 65_536) + "\r\n"
            while connection.send(chunk) {}
            connection.close()
        }) { fixture throws in
            #expect(Self.kind { _ = try Self.ask(fixture, bodyLimit: 1_000_000) } == .tooLarge)
        }
    }

    @Test("redirections are not followed, and secrets not sent on")
    func redirections() throws {
        try RemoteFixture.with({ _, connection in connection.answer(302, ["Location: /y"]) }) {
            fixture throws in
            let answer = try Self.ask(fixture)
            #expect(answer.status == 302 && answer.headers.first("location") == "/y")
            #expect(fixture.server.requests.count == 1)
        }
    }

    @Test("who is silent, or sends next to nothing, is given up")
    func silence() throws {
        try RemoteFixture.with({ request, connection in
            if request.path == "/slow" {
                connection.sendHead(200, ["Content-Length: 1000"])
                while connection.send("x"), !connection.isStopping { connection.rest(0.2) }
            } else {
                connection.rest(60)
            }
        }) { fixture throws in
            try #require(try Self.kindOfPath("/silent", fixture) == .silence)
            try #require(try Self.kindOfPath("/slow", fixture) == .silence)
            let early = try Self.kindOfPath("/silent", fixture, seconds: 0.3)
            try #require(early == .deadline || early == .silence)
            try #require(try Self.kindOfPath("/silent", fixture, seconds: -1) == .deadline)
        }
    }

    private static func kindOfPath(
        _ path: String, _ fixture: RemoteFixture, seconds: Double = 30
    ) throws -> TransportError.Kind? {
        let request = HTTPRequest(.get, try WebAddress(fixture.server.url(path)))
        return kind { _ = try ask(fixture, request, seconds: seconds) }
    }

    @Test(
        "what is no HTTP is garbage, or a lost connection",
        arguments: [
            "hello\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 abc X\r\n\r\n",
            "HTTP/1.1 200 X\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nx",
            "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello", "", "HTTP/1.1 100 X\r\n\r\n",
            "\u{0}\u{0}",
        ])
    func garbage(text: String) throws {
        try RemoteFixture.with({ _, connection in
            connection.send(text)
            connection.close()
        }) { fixture throws in
            let kind = Self.kind { _ = try Self.ask(fixture) }
            #expect(kind == .garbage || kind == .connection)
        }
    }

    @Test("a head without end takes no memory")
    func heads() throws {
        try RemoteFixture.with({ _, connection in
            connection.send("HTTP/1.1 200 X\r\n")
            let line = "X-Y: " + String(repeating: "y", count: 1_000) + "\r\n"
            for _ in 0..<65_536 where !connection.send(line) { break }
            connection.close()
        }) { fixture throws in
            #expect(Self.kind { _ = try Self.ask(fixture) } == .garbage)
        }
    }

    @Test("answers before the answer, and headers behind the body, change nothing")
    func otherHeads() throws {
        try RemoteFixture.with({ _, connection in
            connection.send("HTTP/1.1 103 Early\r\nX-A: 1\r\n\r\n")
            connection.send(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-B: 2\r\n\r\n")
        }) { fixture throws in
            let answer = try Self.ask(fixture)
            #expect(answer.status == 200 && answer.body == [0x78])
            #expect(answer.headers.first("x-a") == nil && answer.headers.first("x-b") == nil)
        }
    }

    @Test("a host that does not answer is told from one that does not exist")
    func unreachable() throws {
        try RemoteFixture.with({ _, _ in }) { fixture throws in
            fixture.server.stop()
            #expect(Self.kind { _ = try Self.ask(fixture) } == .unreachable)
            let other = HTTPRequest(.get, try WebAddress("http://name.invalid/"))
            #expect(Self.kind { _ = try Self.ask(fixture, other) } == .unreachable)
        }
    }

    @Test("a transport that is stopped ends what is under way, and takes nothing more")
    func stopping() throws {
        try RemoteFixture.with({ _, connection in connection.rest(60) }) { fixture throws in
            let kinds = Mutex<[TransportError.Kind?]>([])
            let thread = try WorkerThread {
                let kind = Self.kind { _ = try Self.ask(fixture) }
                kinds.withLock { $0.append(kind) }
            }
            while fixture.server.requests.isEmpty { fixture.server.rest(0.01) }
            fixture.transport.stop()
            thread.join()
            #expect(kinds.withLock { $0 } == [.stopped])
            #expect(Self.kind { _ = try Self.ask(fixture) } == .stopped)
        }
    }

    @Test("who is called off lets its request go")
    func cancelled() throws {
        try RemoteFixture.with({ _, connection in connection.rest(60) }) { fixture throws in
            let read = PatientRead(decodingIn: DecoderPlaces(1))
            let thread = try WorkerThread {
                read.perform {
                    let kind = Self.kind { _ = try Self.ask(fixture) }
                    #expect(kind == .stopped)
                }
            }
            while fixture.server.requests.isEmpty { fixture.server.rest(0.01) }
            read.cancel()
            thread.join()
        }
    }
}
