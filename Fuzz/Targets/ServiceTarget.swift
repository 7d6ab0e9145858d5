// What Keystone and an image service answer.
// SPDX-License-Identifier: Apache-2.0

import RemoteSources
import Synchronization

/// Takes the bytes as the answers of a cloud, with NULs between them: the body of the first is Keystone's, the others are those
/// of the image service, in turn.
enum ServiceTarget {
    static func run(_ bytes: [UInt8]) {
        let bodies = bytes.split(separator: 0, maxSplits: 50, omittingEmptySubsequences: false).map(
            Array.init)
        for token in [true, false] {
            let client = client(answering: bodies, withToken: token)
            let deadline = Deadline(at: 60)
            if let images = try? client.images(until: deadline) {
                for image in images { precondition(image.fileName.count <= 255, "a name that no file has") }
            }
            _ = try? client.find("a name", until: deadline)
            if let image = try? client.image(id: id, until: deadline) {
                precondition(image.id == id, "another image than the one that was asked for")
                _ = image.version
            }
        }
    }

    /// A client of a cloud that answers with these bodies; the first is Keystone's where there is a token.
    static func client(answering bodies: [[UInt8]], withToken token: Bool = false) -> GlanceClient {
        let settings = token ? keystone : keyless
        guard let configuration = try? settings.get() else { preconditionFailure("settings of our own") }
        let cloud = Cloud(token ? bodies : [[]] + bodies)
        return GlanceClient(KeystoneSession(configuration, exchanger: cloud, clock: clock(cloud)))
    }

    static let id = "11111111-2222-4333-8444-555555555555"

    private static let keystone = settings([
        "OS_AUTH_URL": "http://keystone.example/v3", "OS_USERNAME": "u", "OS_PASSWORD": "p",
        "OS_PROJECT_NAME": "p", "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default",
    ])
    private static let keyless = settings(["OS_AUTH_TYPE": "none", "OS_ENDPOINT": "http://images.example"])

    private static func settings(_ variables: [String: String]) -> Result<CloudsConfiguration, any Error> {
        Result {
            try CloudsConfiguration.read(
                from: ConfigurationSearch(environment: variables, look: { _ in .absent }))
        }
    }

    /// A clock that stands still until someone waits.
    private static func clock(_ cloud: Cloud) -> ServiceClock {
        ServiceClock(
            now: { cloud.time }, date: { cloud.time + 1_795_000_000 }, pause: { cloud.wait($0) },
            random: { 1 })
    }

    /// Answers with one body after the other, and with the last one from then on.
    private final class Cloud: HTTPExchanging {
        private struct State {
            var bodies: [[UInt8]]
            var time = 0.0
        }

        private let state: Mutex<State>

        init(_ bodies: [[UInt8]]) {
            state = Mutex(State(bodies: bodies))
        }

        var time: Double { state.withLock { $0.time } }

        func wait(_ seconds: Double) { state.withLock { $0.time += seconds } }

        func exchange(
            _ request: HTTPRequest, bodyLimit: Int, until deadline: Deadline
        ) throws(TransportError) -> HTTPAnswer {
            let body = state.withLock { state in
                // So that what asks for ever comes to an end.
                state.time += 0.1
                return state.bodies.count > 1 ? state.bodies.removeFirst() : state.bodies.first ?? []
            }
            guard time < deadline.time else {
                throw TransportError(.deadline, at: "\(request.address)", "no time is left")
            }
            let isToken = request.method == .post
            var headers = HTTPHeaders()
            if isToken { headers.append("X-Subject-Token", "t") }
            return HTTPAnswer(status: isToken ? 201 : 200, headers: headers, body: body)
        }
    }
}
