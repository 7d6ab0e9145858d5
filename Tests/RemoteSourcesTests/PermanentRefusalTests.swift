// Tests of what will not get better: it is said at once, and not tried until the time is over.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CCurl
import TestSupport
import Testing

@testable import RemoteSources

@Suite("What will not get better")
struct PermanentRefusalTests {
    private static let file = WebFile(RemoteFixture.bytes(2_000_000))
    /// In seconds; whoever tried for so long would make many more requests.
    private static let timeout = 40.0

    /// What opening says.
    private static func refusal(_ fixture: RemoteFixture, _ path: String = "/file") throws -> String {
        do {
            _ = try fixture.open(path)
            Issue.record("it opens")
            return ""
        } catch ReadError.remote(_, let reason) {
            return reason
        }
    }

    private static let ways: [(String, String)] = [
        ("/again", "more than 10 redirections"), ("ftp://127.0.0.1/x", "redirection"),
        ("file:///etc/passwd", "redirection"), ("http://[::1", "redirection"),
    ]

    @Test("redirections in a circle, and to what is no web server", arguments: ways)
    func redirections(location: String, word: String) throws {
        try RemoteFixture.with(
            timeout: Self.timeout, { _, connection in connection.answer(302, ["Location: \(location)"]) }
        ) { fixture throws in
            let reason = try Self.refusal(fixture)
            #expect(reason.contains(word), "\(reason)")
            #expect(fixture.server.requests.count <= 11)
            #expect(fixture.access.meter.retryCount == 0)
        }
    }

    @Test("eleven redirections are one too many, and ten are not")
    func hops() throws {
        let file = Self.file
        try RemoteFixture.with(
            timeout: Self.timeout,
            { request, connection in
                guard let hops = Int(request.path.dropFirst()), hops > 0 else {
                    return file.answer(request, connection)
                }
                connection.answer(302, ["Location: /\(hops - 1)"])
            }
        ) { fixture throws in
            #expect(try fixture.open("/10").bytes(10, at: 0) == Array(file.bytes[..<10]))
            #expect(try Self.refusal(fixture, "/11").contains("more than 10"))
        }
    }

    @Test(
        "a server that compresses whatever it is asked, or sends several parts, with ranges and without",
        arguments: [206, 200], ["Content-Encoding: gzip", "Content-Type: multipart/byteranges; boundary=x"])
    func forms(status: Int, header: String) throws {
        let file = Self.file
        try RemoteFixture.with(
            timeout: Self.timeout,
            { request, connection in
                let range = status == 206 ? request.range(in: file.bytes.count) : nil
                let bytes = range.map { file.bytes[$0] } ?? file.bytes[...]
                connection.sendHead(
                    status, (range.map(file.headers) ?? ["Content-Length: \(bytes.count)"]) + [header])
                connection.send(bytes)
            }
        ) { fixture throws in
            #expect(try !Self.refusal(fixture).isEmpty)
            #expect(fixture.server.requests.count <= 4)
            #expect(fixture.access.meter.retryCount == 0)
        }
    }

    @Test("a server that is not there is asked for a while, and the error says how long that was")
    func unreachable() throws {
        try RemoteFixture.with(timeout: 3_000, { _, _ in }) { fixture throws in
            fixture.server.stop()
            var fixture = fixture
            fixture.access.firstContactInSeconds = 1
            let reason = try Self.refusal(fixture)
            #expect(reason.hasPrefix("not opened in "), "\(reason)")
            #expect(!reason.contains(" 3000"))
            #expect(fixture.access.meter.retryCount >= 1)
        }
    }

    @Test(
        "who does not speak TLS is told from a connection that was lost",
        arguments: [
            ("error:0A00010B:SSL routines::wrong version number", TransportError.Kind.certificate),
            ("error:0A000410:SSL routines::sslv3 alert handshake failure", .certificate),
            ("gnutls_handshake() failed: An unexpected TLS packet was received.", .certificate),
            ("OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to localhost:1", .connection),
            ("OpenSSL SSL_connect: Connection reset by peer in connection to localhost:1", .connection),
            ("", .connection),
        ])
    func security(message: String, kind: TransportError.Kind) {
        #expect(CurlFailure.kind(of: CURLE_SSL_CONNECT_ERROR, saying: message) == kind)
    }
}
