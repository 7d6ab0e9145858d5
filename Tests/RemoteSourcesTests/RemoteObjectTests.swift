// Tests of what comes with an object: who signs for it, what is asked of it meanwhile, and what answers mean.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import RemoteSources

@Suite("An object behind a web server")
struct RemoteObjectTests {
    private static let file = WebFile(RemoteFixture.bytes(20_000_003))

    /// Tokens that someone renews.
    private final class Tokens: RequestCredentials {
        let generations = Counter()

        var generation: Int { generations.add(0) }

        func headers(for origin: WebOrigin, until deadline: Deadline) -> [HTTPHeader] { [] }

        func renew(after answer: Int, until deadline: Deadline) -> Bool { false }
    }

    @Test("a token that was renewed before its end has the object's version asked for, too")
    func renewedInTime() throws {
        let tokens = Tokens()
        let checks = Counter()
        try RemoteFixture.with(WebFile(Self.file.bytes, headers: []).served) { fixture throws in
            let version = ObjectVersion(
                byteCount: UInt64(Self.file.bytes.count), validator: .image(digest: "a", updatedAt: "b"))
            var object = RemoteObject(
                try WebAddress(fixture.server.url("/file")), credentials: tokens, expectedVersion: version)
            object.revalidate = { _ in checks.add(1) == 1 ? version : nil }
            let source = try RemoteOpener.open(object, through: fixture.access)
            _ = try source.bytes(10, at: 5_000_000)
            #expect(checks.add(0) == 0)
            tokens.generations.add(1)
            _ = try source.bytes(10, at: 10_000_000)
            #expect(checks.add(0) == 1)
            tokens.generations.add(1)
            #expect(throws: ReadError.stale(source: object.name)) { try source.bytes(10, at: 15_000_000) }
        }
    }

    @Test("an answer that means something for the object is not asked for again", arguments: [204, 403, 404])
    func meaning(_ status: Int) throws {
        let requests = Counter()
        try RemoteFixture.with({ _, connection in
            requests.add(1)
            connection.answer(status)
        }) { fixture throws in
            var object = RemoteObject(try WebAddress(fixture.server.url("/file")), named: "the image")
            object.meaning = { $0 == status ? "it is gone" : nil }
            #expect(throws: ReadError.remote(source: "the image", reason: "it is gone")) {
                _ = try RemoteOpener.open(object, through: fixture.access)
            }
            #expect(requests.add(0) == 1)
        }
    }
}
