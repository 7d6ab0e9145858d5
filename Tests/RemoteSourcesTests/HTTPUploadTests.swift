// Tests of requests whose body is made while it is sent, over real connections.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization
import TestSupport
import Testing

@testable import RemoteSources

@Suite("Uploads over HTTP")
struct HTTPUploadTests {
    /// Zeros without end in memory; what each part does first is the test's.
    private final class Zeros: HTTPBodyStream {
        let byteCount: UInt64
        private let left: SleepingMutex<UInt64>
        private let before: @Sendable (_ left: UInt64) throws(ReadError) -> Void

        init(
            _ byteCount: UInt64,
            before: @escaping @Sendable (_ left: UInt64) throws(ReadError) -> Void = {
                _ throws(ReadError) in
            }
        ) {
            self.byteCount = byteCount
            self.before = before
            left = SleepingMutex(byteCount)
        }

        func next(upTo limit: Int) throws(ReadError) -> [UInt8] {
            try before(left.withLock { $0 })
            return left.withLock { left in
                let count = min(UInt64(limit), left)
                left -= count
                return Array(repeating: 0, count: Int(count))
            }
        }
    }

    /// What no buffers on the way can hold, in bytes.
    private static let manyBytes: UInt64 = 64 << 20

    private static func upload(
        _ fixture: RemoteFixture, _ body: any HTTPBodyStream, path: String = "/v2/images/x/file",
        headers: [HTTPHeader] = [], silence: Double = 30
    ) throws -> HTTPAnswer {
        try fixture.transport.upload(
            HTTPRequest(.put, try WebAddress(fixture.server.url(path)), headers: headers), body: body,
            bodyLimit: 1 << 20, silence: silence)
    }

    private static func failure(_ body: () throws -> Void) -> TransportError? {
        do {
            try body()
            return nil
        } catch {
            return error as? TransportError
        }
    }

    @Test("a body arrives as it is, with its length", arguments: [0, 1, 700_000, 3_000_001])
    func whole(byteCount: Int) throws {
        try RemoteFixture.with({ _, connection in connection.answer(204) }) { fixture throws in
            let content = RemoteFixture.bytes(byteCount)
            let stream = ByteSourceUpload(MemorySource(content)).stream()
            let token = try HTTPHeader("X-Auth-Token", "t", isSecret: true)
            #expect(try Self.upload(fixture, stream, headers: [token]).status == 204)
            let seen = try #require(fixture.server.requests.first)
            #expect(seen.method == "PUT" && seen.path == "/v2/images/x/file")
            #expect(seen.body == content && seen.headers["content-length"] == "\(byteCount)")
            #expect(seen.headers["x-auth-token"] == "t" && seen.headers["transfer-encoding"] == nil)
        }
    }

    @Test("a server that answers at once is believed, and is not sent the rest")
    func earlyAnswer() throws {
        try RemoteFixture.with({ _, connection in
            connection.answer(413, [], "too large")
            connection.close()
        }) { fixture throws in
            fixture.server.leaveBodies()
            let answer = try Self.upload(fixture, Zeros(Self.manyBytes))
            #expect(answer.status == 413 && answer.body == Array("too large".utf8))
        }
    }

    @Test("a redirection is not followed, and the token stays where it is")
    func redirection() throws {
        try RemoteFixture.with({ _, connection in connection.answer(307, ["Location: /elsewhere"]) }) {
            fixture throws in
            #expect(try Self.upload(fixture, Zeros(10)).status == 307)
            #expect(fixture.server.requests.count == 1)
        }
    }

    @Test("a source that cannot be read breaks the request off, so that no server takes it for whole")
    func unreadable() throws {
        try RemoteFixture.with({ _, connection in connection.answer(204) }) { fixture throws in
            let stream = Zeros(4 << 20) { left throws(ReadError) in
                guard left > 1 << 20 else { throw .corrupt(record: "grain", offset: 0, reason: "bad") }
            }
            let failure = Self.failure { _ = try Self.upload(fixture, stream) }
            #expect(failure?.kind == .request)
            #expect(fixture.server.requests.isEmpty)
        }
    }

    @Test("a stream that ends before its length breaks the request off")
    func tooShort() throws {
        struct Short: HTTPBodyStream {
            var byteCount: UInt64 { 10 }
            func next(upTo limit: Int) -> [UInt8] { [] }
        }
        try RemoteFixture.with({ _, connection in connection.answer(204) }) { fixture throws in
            #expect(Self.failure { _ = try Self.upload(fixture, Short()) }?.kind == .request)
            #expect(fixture.server.requests.isEmpty)
        }
    }

    @Test("a server that takes nothing, or does not answer, is given up; one that takes its time is not")
    func silence() throws {
        try RemoteFixture.with({ _, connection in connection.rest(60) }) { fixture throws in
            #expect(Self.failure { _ = try Self.upload(fixture, Zeros(10), silence: 1) }?.kind == .silence)
            fixture.server.leaveBodies()
            let stalled = Self.failure { _ = try Self.upload(fixture, Zeros(Self.manyBytes), silence: 1) }
            #expect(stalled?.kind == .silence)
        }
    }

    @Test("what waits in the system for a slow server is not taken for sent: it has the time that it needs")
    func slowServer() throws {
        let (byteCount, step) = (3 << 20, 150 << 10)
        try RemoteFixture.with({ request, connection in
            var left = byteCount - request.body.count
            while left > 0, let part = connection.receive(upTo: min(step, left)) {
                left -= part.count
                connection.rest(0.5 * Double(part.count) / Double(step))
            }
            connection.answer(left == 0 ? 204 : 400)
        }) { fixture throws in
            fixture.server.leaveBodies()
            #expect(try Self.upload(fixture, Zeros(UInt64(byteCount)), silence: 4).status == 204)
        }
    }

    @Test("the time that the source takes is not the server's")
    func slowSource() throws {
        try RemoteFixture.with({ _, connection in connection.answer(204) }) { fixture throws in
            let first = Atomic<Bool>(true)
            let stream = Zeros(2 << 20) { _ throws(ReadError) in
                if first.exchange(false, ordering: .relaxed) {
                    ServiceClock.system.pause(6)
                }
            }
            #expect(try Self.upload(fixture, stream, silence: 3).status == 204)
        }
    }

    @Test("a connection that ends early is an error of the connection")
    func reset() throws {
        try RemoteFixture.with({ _, connection in connection.reset() }) { fixture throws in
            fixture.server.leaveBodies()
            let failure = Self.failure { _ = try Self.upload(fixture, Zeros(Self.manyBytes)) }
            #expect(failure?.kind == .connection && failure?.isWorthRetrying == true)
        }
    }

    @Test("who wants it no more ends it, and the source that it waits for")
    func cancelled() throws {
        try RemoteFixture.with({ _, connection in connection.rest(60) }) { fixture throws in
            let reading = PatientRead(decodingIn: DecoderPlaces(1))
            let wasInterrupted = Atomic<Bool>(false)
            let stream = Zeros(1 << 20) { _ throws(ReadError) in
                reading.cancel()
                while true {
                    do throws(ReadError) {
                        try PatientRead.checkCancellation()
                    } catch {
                        wasInterrupted.store(true, ordering: .relaxed)
                        throw error
                    }
                    ServiceClock.system.pause(0.01)
                }
            }
            var failure: TransportError?
            reading.perform { failure = Self.failure { _ = try Self.upload(fixture, stream) } }
            #expect(failure?.kind == .stopped)
            let hasEnded = wasInterrupted.load(ordering: .relaxed)
            #expect(hasEnded)
        }
    }

    @Test("an answer that is too long is not taken, and no message has a secret")
    func tooLong() throws {
        try RemoteFixture.with({ _, connection in
            connection.answer(200, [], String(repeating: "x", count: 2 << 20))
        }) { fixture throws in
            let failure = Self.failure {
                _ = try Self.upload(fixture, Zeros(10), path: "/x?signature=s3cret")
            }
            #expect(failure?.kind == .tooLarge)
            #expect(failure.map { !"\($0)".contains("s3cret") } == true)
        }
    }
}
