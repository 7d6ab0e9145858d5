// Tests of tokens: had, shared, renewed, refused.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization
import Testing

@testable import RemoteSources

@Suite("A session with Keystone")
struct KeystoneSessionTests {
    private static let never = Deadline.never

    private static func text(_ request: HTTPRequest) -> String {
        String(decoding: request.body ?? [], as: UTF8.self)
    }

    @Test("a password is shown once, and the token kept")
    func password() throws {
        let cloud = FakeCloud { _, _ in .token("t1") }
        let session = try cloud.session()
        for _ in 0..<3 {
            let access = try session.access(until: Self.never)
            #expect(access.token == Secret("t1"))
            #expect(access.endpoint.text == "http://images.example/image")
        }
        #expect(cloud.requests.count == 1)
        let request = try #require(cloud.requests.first)
        #expect(request.method == .post && request.address.text == "http://keystone.example/v3/auth/tokens")
        #expect(
            Self.text(request) == """
                {"auth":{"identity":{"methods":["password"],"password":{"user":{"domain":{"name":"Default"},\
                "name":"demo","password":"demo-secret"}}},\
                "scope":{"project":{"domain":{"name":"Default"},"name":"demo"}}}}
                """)
    }

    @Test("an application credential is shown without a scope")
    func applicationCredential() throws {
        let cloud = FakeCloud { _, _ in .token("t") }
        let settings = try FakeCloud.settings([
            "OS_AUTH_TYPE": "v3applicationcredential", "OS_APPLICATION_CREDENTIAL_ID": "id",
            "OS_APPLICATION_CREDENTIAL_SECRET": "se\"cret",
        ])
        _ = try cloud.session(settings).access(until: Self.never)
        #expect(
            cloud.requests.map(Self.text) == [
                #"{"auth":{"identity":{"application_credential":{"id":"id","secret":"se\"cret"},"methods":["application_credential"]}}}"#
            ])
    }

    @Test(
        "a token is exchanged for one of the project; where that is forbidden, or none is named, it is used as it is"
    )
    func givenToken() throws {
        let settings = try FakeCloud.settings(["OS_TOKEN": "given"], without: "OS_PASSWORD")
        let exchanging = FakeCloud { _, _ in .token("scoped") }
        #expect(try exchanging.session(settings).access(until: Self.never).token == Secret("scoped"))
        let forbidding = FakeCloud { request, _ in request.method == .post ? .status(403) : .token("x") }
        #expect(try forbidding.session(settings).access(until: Self.never).token == Secret("given"))
        let unknown = FakeCloud { _, _ in
            .status(404, #"{"error": {"code": 404, "message": "This is not a recognized Fernet token"}}"#)
        }
        let refusal = openStackError { _ = try unknown.session(settings).access(until: Self.never) }
        #expect(refusal?.kind == .refused)
        #expect(refusal?.description.contains("openstack token issue") == true)
        let unscoped = try FakeCloud.settings(
            ["OS_TOKEN": "given"], without: "OS_PASSWORD", "OS_PROJECT_NAME")
        let describing = FakeCloud { _, _ in .token("x") }
        #expect(try describing.session(unscoped).access(until: Self.never).token == Secret("given"))
        #expect(describing.requests.map(\.method) == [.get])
        let ended = FakeCloud { _, _ in .status(404) }
        let error = openStackError { _ = try ended.session(unscoped).access(until: Self.never) }
        #expect(error?.kind == .refused)
        #expect(error?.description.contains("openstack token issue") == true)
    }

    @Test("addresses of Keystone with and without a version are one")
    func addresses() throws {
        for text in [
            "http://k/identity", "http://k/identity/", "http://k/identity/v3", "http://k/identity/v2.0/",
            "http://k/identity/v3//",
        ] {
            let cloud = FakeCloud { _, _ in .token("t") }
            _ = try cloud.session(FakeCloud.settings(["OS_AUTH_URL": text])).access(until: Self.never)
            #expect(cloud.requests.first?.address.text == "http://k/identity/v3/auth/tokens")
        }
        let host = try ServiceAddress.base(of: WebAddress("http://v3/"))
        #expect(host.text == "http://v3/")
    }

    @Test("a token is renewed 120 s before it ends, by whoever comes then")
    func renewedBefore() throws {
        let clock = FakeClock()
        let cloud = FakeCloud { _, number in .token("t\(number)") }
        let session = try cloud.session(clock: clock.clock)
        #expect(try session.access(until: Self.never).token == Secret("t1"))
        clock.advance(by: 3_479)
        #expect(try session.access(until: Self.never).token == Secret("t1"))
        clock.advance(by: 2)
        #expect(try session.access(until: Self.never).token == Secret("t2"))
        #expect(try session.access(until: Self.never).token == Secret("t2"))
        clock.advance(by: 4_000)
        #expect(try session.access(until: Self.never).token == Secret("t3"))
    }

    @Test(
        "a clock that is set by years, forth or back, ends no token and keeps none", arguments: [1.0, -1.0])
    func clockIsSet(direction: Double) throws {
        let clock = FakeClock()
        let cloud = FakeCloud { _, number in .token("t\(number)") }
        let session = try cloud.session(clock: clock.clock)
        #expect(try session.access(until: Self.never).token == Secret("t1"))
        clock.set(forwardBy: direction * 10 * 31_536_000)
        #expect(try session.access(until: Self.never).token == Secret("t1"))
        clock.advance(by: 3_481)
        #expect(try session.access(until: Self.never).token == Secret("t2"))
        #expect(cloud.requests.count == 2)
    }

    @Test("a token that lives for seconds is not renewed with every request")
    func shortLived() throws {
        let clock = FakeClock()
        let cloud = FakeCloud { _, number in .token("t\(number)", lifetime: 6) }
        let session = try cloud.session(clock: clock.clock)
        for _ in 0..<12 {
            _ = try session.access(until: Self.never)
            clock.advance(by: 0.5)
        }
        #expect(cloud.requests.count == 2)
    }

    @Test(
        "while Keystone is away, a token that is still good is used, and it is not asked with every request")
    func renewalFails() throws {
        let clock = FakeClock()
        let cloud = FakeCloud { _, number throws(TransportError) in
            guard number > 1 else { return .token("t1") }
            throw TransportError(.connection, at: "k", "refused")
        }
        let session = try cloud.session(clock: clock.clock)
        _ = try session.access(until: Self.never)
        clock.advance(by: 3_500)
        let before = cloud.requests.count
        let start = clock.now
        for _ in 0..<20 { #expect(try session.access(until: Self.never).token == Secret("t1")) }
        #expect(clock.now - start <= KeystoneSession.longestRenewal)
        let asked = cloud.requests.count - before
        #expect(asked > 0 && asked < 20)
        clock.advance(by: 200)
        let error = openStackError { _ = try session.access(until: Deadline(after: 30, from: clock.now)) }
        #expect(error?.kind == .unavailable)
        #expect(error?.transport?.kind == .connection)
    }

    @Test("forty readers without a token make one request, and those who hold a good one wait for none")
    func oneRequest() throws {
        let isOpen = Monitor(false)
        let cloud = FakeCloud { _, number in
            isOpen.withLock(waitingWhile: { !$0 }) { _ in }
            return .token("t\(number)")
        }
        let session = try cloud.session()
        let tokens = SleepingMutex<[Secret?]>([])
        let readers = try (0..<40).map { _ in
            try WorkerThread {
                let token = try? session.access(until: Self.never).token
                tokens.withLock { $0.append(token) }
            }
        }
        while cloud.requests.isEmpty { _ = MonotonicClock.now }
        isOpen.withLock { $0 = true }
        isOpen.wake()
        for reader in readers { reader.join() }
        #expect(tokens.withLock { $0 } == Array(repeating: Secret("t1"), count: 40))
        #expect(cloud.requests.count == 1)
    }

    @Test("while one renews a token that is still good, others use it")
    func noOneWaits() throws {
        let clock = FakeClock()
        let isOpen = Monitor(false)
        let cloud = FakeCloud { _, number in
            if number > 1 { isOpen.withLock(waitingWhile: { !$0 }) { _ in } }
            return .token("t\(number)")
        }
        let session = try cloud.session(clock: clock.clock)
        _ = try session.access(until: Self.never)
        clock.advance(by: 3_500)
        let renewer = try WorkerThread { _ = try? session.access(until: Self.never) }
        while cloud.requests.count < 2 { _ = MonotonicClock.now }
        #expect(try session.access(until: Self.never).token == Secret("t1"))
        isOpen.withLock { $0 = true }
        isOpen.wake()
        renewer.join()
        #expect(try session.access(until: Self.never).token == Secret("t2"))
    }

    @Test("who waits for someone else's request waits no longer than it may")
    func waitingEnds() throws {
        let isOpen = Monitor(false)
        let cloud = FakeCloud { _, _ in
            isOpen.withLock(waitingWhile: { !$0 }) { _ in }
            return .token("t")
        }
        let session = try cloud.session(clock: .system)
        let first = try WorkerThread { _ = try? session.access(until: Self.never) }
        while cloud.requests.isEmpty { _ = MonotonicClock.now }
        let error = openStackError { _ = try session.access(until: Deadline(after: 0.05)) }
        #expect(error?.transport?.kind == .deadline)
        isOpen.withLock { $0 = true }
        isOpen.wake()
        first.join()
    }

    @Test("a refused token is renewed once for all who had it")
    func refusedToken() throws {
        let cloud = FakeCloud { _, number in .token("t\(number)") }
        let session = try cloud.session()
        _ = try session.access(until: Self.never)
        for _ in 0..<10 { #expect(try session.renew(refused: Secret("t1"), until: Self.never)) }
        #expect(cloud.requests.count == 2)
        #expect(try session.access(until: Self.never).token == Secret("t2"))
    }

    @Test("401 for ever: a new token is asked for once in ten seconds, and no more")
    func refusedForEver() throws {
        let clock = FakeClock()
        let cloud = FakeCloud { _, number in .token("t\(number)") }
        let session = try cloud.session(clock: clock.clock)
        var renewed = 0
        for _ in 0..<100 {
            let token = try session.access(until: Self.never).token
            if try session.renew(refused: token, until: Self.never) { renewed += 1 }
            clock.advance(by: 0.5)
        }
        #expect((3...7).contains(renewed))
        #expect(cloud.requests.count == renewed + 1)
    }

    @Test("a source's credentials: only for the image service, renewed after 401 and not after 403")
    func credentials() throws {
        let cloud = FakeCloud { _, number in .token("t\(number)") }
        let credentials = GlanceCredentials(try cloud.session())
        let own = try WebAddress("http://images.example/x").origin
        for other in [
            "http://evil.example/", "https://images.example/", "http://images.example:81/",
            "http://keystone.example/",
        ] {
            #expect(try credentials.headers(for: WebAddress(other).origin, until: Self.never).isEmpty)
        }
        let header = try #require(try credentials.headers(for: own, until: Self.never).first)
        #expect(header.name == "X-Auth-Token" && header.value == "t1" && header.isSecret)
        #expect(try !credentials.renew(after: 403, until: Self.never))
        for _ in 0..<10 { #expect(try credentials.renew(after: 401, until: Self.never)) }
        #expect(try credentials.headers(for: own, until: Self.never).first?.value == "t2")
        #expect(cloud.requests.count == 2)
    }

    @Test("no identity: no token, and nothing to renew")
    func noIdentity() throws {
        let cloud = FakeCloud { _, _ in .status(500) }
        let session = try cloud.session(
            FakeCloud.settings(["OS_AUTH_TYPE": "none", "OS_ENDPOINT": "http://e:9292/v2/"]))
        let access = try session.access(until: Self.never)
        #expect(access.token == nil && access.endpoint.text == "http://e:9292/")
        #expect(try !session.renew(refused: nil, until: Self.never))
        #expect(
            try GlanceCredentials(session).headers(for: access.endpoint.origin, until: Self.never).isEmpty)
        #expect(cloud.requests.isEmpty)
    }

    @Test("credentials that are refused are not shown again at once")
    func refusedCredentials() throws {
        let clock = FakeClock()
        let isRight = Atomic<Bool>(false)
        let cloud = FakeCloud { _, _ in
            isRight.load(ordering: .relaxed)
                ? .token("t")
                : .status(
                    401,
                    #"{"error": {"code": 401, "message": "The request you have made requires authentication."}}"#
                )
        }
        let session = try cloud.session(clock: clock.clock)
        for _ in 0..<10 {
            let error = openStackError { _ = try session.access(until: Self.never) }
            #expect(error?.kind == .refused)
            #expect(error?.description.contains("requires authentication") == true)
        }
        #expect(cloud.requests.count == 1)
        isRight.store(true, ordering: .relaxed)
        clock.advance(by: 11)
        #expect(try session.access(until: Self.never).token == Secret("t"))
    }

    @Test("trouble is tried again until the deadline, and Retry-After is obeyed")
    func trouble() throws {
        let clock = FakeClock()
        let cloud = FakeCloud { _, number throws(TransportError) in
            switch number {
            case 1: throw TransportError(.connection, at: "k", "reset")
            case 2: return .status(503, headers: [("Retry-After", "20")])
            case 3: throw TransportError(.silence, at: "k", "silent")
            default: return .token("t")
            }
        }
        let start = clock.now
        #expect(try cloud.session(clock: clock.clock).access(until: Self.never).token == Secret("t"))
        #expect((20...23).contains(clock.now - start))
        let broken = FakeCloud { _, _ in .status(503, "<html><h1>503</h1>down</html>") }
        let error = openStackError {
            _ = try broken.session(clock: clock.clock).access(until: Deadline(after: 60, from: clock.now))
        }
        #expect(error?.kind == .unavailable)
        #expect(error?.description.contains("answered 503: down") == true)
        #expect((8...40).contains(broken.requests.count))
        let certificate = FakeCloud { _, _ throws(TransportError) in
            throw TransportError(.certificate, at: "k", "expired")
        }
        #expect(openStackError { _ = try certificate.session().access(until: Self.never) } != nil)
        #expect(certificate.requests.count == 1)
    }

    @Test(
        "answers that are no Keystone's are errors that say so",
        arguments: [
            (HTTPAnswer.status(300, #"{"versions": {"values": []}}"#), "300 Multiple Choices"),
            (HTTPAnswer.status(404), "there is no Keystone v3"),
            (HTTPAnswer.status(404, "<h1>Not Found</h1>"), "there is no Keystone v3"),
            (HTTPAnswer.status(200, "{}"), "without a token"),
            (HTTPAnswer.status(302, headers: [("Location", "http://evil.example/")]), "302"),
            (HTTPAnswer.status(400, #"{"error": {"message": "bad\u0007\u001b[31m"}}"#), "bad [31m"),
            (HTTPAnswer.status(201, "<html>", headers: [("X-Subject-Token", "t")]), "no JSON"),
            (HTTPAnswer.status(201, "{}", headers: [("X-Subject-Token", "t")]), "no token in its answer"),
            (
                HTTPAnswer.status(
                    201, #"{"token": {"expires_at": "soon"}}"#, headers: [("X-Subject-Token", "t")]),
                "is no time"
            ),
            (
                HTTPAnswer.status(201, #"{"token": {}}"#, headers: [("X-Subject-Token", "a b")]),
                "cannot be one"
            ),
            (
                HTTPAnswer.status(
                    201, #"{"token": {}}"#,
                    headers: [("X-Subject-Token", String(repeating: "x", count: 20_000))]),
                "cannot be one"
            ),
            (
                HTTPAnswer.status(201, #"{"token": {}}"#, headers: [("X-Subject-Token", "t")]),
                "lists no services"
            ),
        ])
    func strange(_ answer: HTTPAnswer, words: String) throws {
        let cloud = FakeCloud { _, _ in answer }
        let error = openStackError { _ = try cloud.session().access(until: Self.never) }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "none")")
    }

    @Test("times of services, and what is none")
    func times() {
        #expect(ServiceTime("1970-01-01T00:00:00Z")?.seconds == 0)
        #expect(ServiceTime("2026-11-21T00:10:29.000000Z")?.seconds == 1_795_219_829)
        #expect(ServiceTime("2000-02-29T23:59:59+00:00")?.seconds == 951_868_799)
        #expect(ServiceTime("0000-01-01T00:00:00Z") != nil)
        #expect(ServiceTime("9999-12-31T23:59:60Z") != nil)
        for text in [
            "", "2026-11-21", "2026-13-01T00:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T00:00:00+02:00",
            "-026-11-21T00:00:00Z", "2026-11-21T00:00:00.Zx", "2026-11-21T00:00:0\u{665}Z",
            "2026-11-21T00:00:00." + String(repeating: "0", count: 100) + "Z",
        ] {
            #expect(ServiceTime(text) == nil)
        }
    }
}
