// A cloud made of closures, and a clock that stands still.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Testing

@testable import RemoteSources

/// Answers requests as a test says, and remembers them.
final class FakeCloud: HTTPExchanging, HTTPUploading {
    typealias Answering =
        @Sendable (_ request: HTTPRequest, _ number: Int) throws(TransportError) -> HTTPAnswer
    typealias Taking =
        @Sendable (_ request: HTTPRequest, _ body: [UInt8]) throws(TransportError) -> HTTPAnswer

    private let early: HTTPAnswer?
    private let answering: Answering
    private let taking: Taking
    private let log = SleepingMutex<[HTTPRequest]>([])

    /// `early` is what an upload is answered before anything of it was taken; nil where all of it is.
    init(
        early: HTTPAnswer? = nil,
        taking: @escaping Taking = { request, _ throws(TransportError) in
            throw TransportError(.garbage, at: "\(request.address)", "nothing is uploaded in this test")
        },
        _ answering: @escaping Answering
    ) {
        self.early = early
        self.answering = answering
        self.taking = taking
    }

    var requests: [HTTPRequest] { log.withLock { $0 } }

    func count(_ method: HTTPRequest.Method, containing part: String) -> Int {
        requests.filter { $0.method == method && $0.address.text.contains(part) }.count
    }

    func exchange(
        _ request: HTTPRequest, bodyLimit: Int, until deadline: Deadline
    ) throws(TransportError) -> HTTPAnswer {
        let number = log.withLock { log in
            log.append(request)
            return log.count
        }
        let answer = try answering(request, number)
        guard answer.body.count <= bodyLimit else {
            throw TransportError(.tooLarge, at: "\(request.address)", "the answer is too long")
        }
        return answer
    }

    func upload(
        _ request: HTTPRequest, body: any HTTPBodyStream, bodyLimit: Int, silence: Double
    ) throws(TransportError) -> HTTPAnswer {
        log.withLock { $0.append(request) }
        if let early { return early }
        var bytes: [UInt8] = []
        do throws(ReadError) {
            while true {
                let next = try body.next(upTo: 1_000)
                if next.isEmpty { break }
                bytes += next
            }
        } catch {
            throw TransportError(.request, at: "\(request.address)", "the body ended early")
        }
        return try taking(request, bytes)
    }
}

/// A clock that moves when someone pauses, or a test says so.
final class FakeClock: Sendable {
    private let time = SleepingMutex(1_000.0)
    private let setForward = SleepingMutex(0.0)

    var now: Double { time.withLock { $0 } }

    func advance(by seconds: Double) {
        time.withLock { $0 += seconds }
    }

    /// Sets the time of day, and that alone.
    func set(forwardBy seconds: Double) {
        setForward.withLock { $0 += seconds }
    }

    var clock: ServiceClock {
        ServiceClock(
            now: { self.now }, date: { self.now + 1_795_000_000 + self.setForward.withLock { $0 } },
            pause: { self.advance(by: $0) },
            random: { 1 })
    }
}

extension HTTPAnswer {
    static func status(
        _ status: Int, _ body: String = "", headers: [(name: String, value: String)] = []
    ) -> HTTPAnswer {
        HTTPAnswer(status: status, headers: HTTPHeaders(headers), body: Array(body.utf8))
    }

    /// What Keystone answers: a token that lives so many seconds.
    static func token(
        _ token: String, lifetime: Int = 3_600, catalogue: String = FakeCloud.catalogue
    ) -> HTTPAnswer {
        let (hours, rest) = lifetime.quotientAndRemainder(dividingBy: 3_600)
        let (minutes, seconds) = rest.quotientAndRemainder(dividingBy: 60)
        let two = { (value: Int) in value < 10 ? "0\(value)" : "\(value)" }
        let end = "2026-11-21T\(two(hours)):\(two(minutes)):\(two(seconds)).000000Z"
        return .status(
            201,
            """
            {"token": {"methods": ["password"], "issued_at": "2026-11-21T00:00:00.000000Z", "expires_at": "\(end)",
            "catalog": \(catalogue)}}
            """, headers: [("X-Subject-Token", token)])
    }
}

extension FakeCloud {
    static let catalogue = """
        [{"type": "identity", "endpoints": []}, {"type": "image", "name": "glance", "endpoints": [
        {"interface": "admin", "region": "One", "region_id": "One", "url": "http://admin.example:9292"},
        {"interface": "public", "region": "One", "region_id": "One", "url": "http://images.example/image"},
        {"interface": "public", "region": "Two", "region_id": "Two", "url": "http://two.example/v2/"}]}]
        """

    static let firstID = "11111111-2222-4333-8444-555555555555"

    /// The image with this number, as the service describes it.
    static func image(_ number: Int, _ members: String = "\"status\": \"active\", \"size\": 5") -> String {
        "{\"id\": \"\(id(number))\", \"updated_at\": \"2026-11-21T10:00:00Z\", \(members)}"
    }

    static func id(_ number: Int) -> String {
        let digits = String(number)
        return "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    static func settings(
        _ more: [String: String] = [:], without names: String...
    ) throws -> CloudsConfiguration {
        var variables = [
            "OS_AUTH_URL": "http://keystone.example/v3", "OS_USERNAME": "demo", "OS_PASSWORD": "demo-secret",
            "OS_PROJECT_NAME": "demo", "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default",
        ]
        for name in names { variables[name] = nil }
        for (name, value) in more { variables[name] = value }
        return try CloudsConfiguration.read(
            from: ConfigurationSearch(environment: variables, look: { _ in .absent }))
    }

    func session(
        _ configuration: CloudsConfiguration? = nil, clock: ServiceClock = FakeClock().clock
    ) throws -> KeystoneSession {
        KeystoneSession(try configuration ?? Self.settings(), exchanger: self, clock: clock)
    }
}

/// What `body` throws.
func openStackError(_ body: () throws -> Void) -> OpenStackError? {
    do {
        try body()
        return nil
    } catch {
        return error as? OpenStackError
    }
}
