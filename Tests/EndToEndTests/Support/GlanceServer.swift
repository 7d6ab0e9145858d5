// Debian's Glance and Keystone on loopback, one pair for a suite of tests.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

/// A cloud of the tests' own: scripts/glance-server.
final class GlanceServer: Sendable {
    /// The one of the suite that runs.
    static let current = Mutex<GlanceServer?>(nil)

    /// What no output may have: the user's password, and how tokens begin.
    static let secrets = ["demo-secret", "gAAAA"]

    private struct State {
        var options: [String] = []
        var address = ""
    }

    private let folder: String
    private let state = Mutex(State())
    private static let script = Ovafs.sourceTree.appendingPathComponent("scripts/glance-server").path
    /// A first start unpacks packages where `install-dependencies.sh test` did not.
    private static let startLimit = 300

    /// Starts it. It ends with `end`, and also where this process does.
    fileprivate init() throws {
        let base = URL(fileURLWithPath: NSTemporaryDirectory()).resolvingSymlinksInPath()
        folder = base.appendingPathComponent("ovafs-glance-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try shell(
            """
            setsid bash -c 'while kill -0 "$2"; do sleep 1; done; "$0" stop "$1"; rm -rf "$1"' \
                "$1" "$2" "$3" </dev/null >/dev/null 2>&1 &
            """, Self.script, folder, "\(getpid())")
        try start([])
    }

    private func start(_ options: [String]) throws {
        try run(
            ["bash", Self.script, "start", folder, "--keystone"] + options, limit: Self.startLimit)
        let address = try shell(". \"$1/env.sh\"; printf %s \"$GLANCE_URL\"", folder).text
        state.withLock { $0 = State(options: options, address: address) }
    }

    /// Ends both services; their data stays.
    func stop() throws {
        try run(["bash", Self.script, "stop", folder])
        state.withLock { $0.options = ["stopped"] }
    }

    /// Makes sure that they run with these options of scripts/glance-server.
    func ensure(_ options: [String] = []) throws {
        guard state.withLock({ $0.options != options }) else { return }
        try stop()
        try start(options)
    }

    /// A line of shell that does the same in the background of a test.
    func startLine(_ options: String) -> String {
        "bash \(Self.script) start \(folder) --keystone \(options) >/dev/null"
    }

    func noteOptions(_ options: [String]) {
        state.withLock { $0.options = options }
    }

    fileprivate func end() {
        try? stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The clouds: `demo` is whose images the tests make.
    var configuration: String { folder + "/clouds.yaml" }

    /// The file that holds an image's data.
    func storedFile(_ id: String) -> String { folder + "/images/" + id }

    /// Makes an image, and uploads a file to it where there is one.
    ///
    /// - Parameters:
    ///   - file: what is uploaded.
    ///   - name: as JSON has it.
    ///   - container: its format.
    ///   - disk: its format.
    ///   - members: further members of the image, as JSON, such as `"os_hidden": true`.
    /// - Throws: `CommandFailure` where the service refuses.
    /// - Returns: its id.
    @discardableResult
    func upload(
        _ file: String?, named name: String, container: String = "bare", disk: String = "raw",
        members: String = ""
    ) throws -> String {
        let body =
            #"{"name": "\#(name)", "container_format": "\#(container)", "disk_format": "\#(disk)""#
            + (members.isEmpty ? "" : ", " + members) + "}"
        let id = try request("POST", "/v2/images", body, "application/json", extracting: ".id")
        if let file {
            try request("PUT", "/v2/images/\(id)/file", "@" + file, "application/octet-stream")
        }
        return id
    }

    /// What the service says of an image, through a filter of jq.
    func described(_ id: String, _ filter: String) throws -> String {
        try request("GET", "/v2/images/\(id)", "", "application/json", extracting: filter)
    }

    /// How many files the store has: one for each image that has data, or gets some.
    var storedCount: Int {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder + "/images")) ?? []).count
    }

    /// A line of shell that waits until the store has more files than `count`.
    func waitingLine(forMoreThan count: Int) -> String {
        "for i in $(seq 3000); do [ $(ls \(folder)/images | wc -l) -le \(count) ] || break; sleep 0.02; done"
    }

    /// A line of shell that ends the services, or starts them.
    var stopLine: String { "bash \(Self.script) stop \(folder) >/dev/null" }

    func delete(_ id: String) throws {
        try request("DELETE", "/v2/images/\(id)", "", "application/json")
    }

    /// Adds a property to an image.
    func addProperty(_ name: String, _ value: String, to id: String) throws {
        try request(
            "PATCH", "/v2/images/\(id)", #"[{"op": "add", "path": "/\#(name)", "value": "\#(value)"}]"#,
            "application/openstack-images-v2.1-json-patch")
    }

    /// Stops the use of an image, as an administrator may.
    func deactivate(_ id: String) throws {
        try request(
            "POST", "/v2/images/\(id)/actions/deactivate", "", "application/json", as: "admin")
    }

    @discardableResult
    private func request(
        _ method: String, _ path: String, _ body: String, _ type: String, as user: String = "demo",
        extracting filter: String = ""
    ) throws -> String {
        try shell(
            """
            # A token of an hour, from before the service was started with another time.
            [ -s "$2/token-$3" ] || bash "$1" token "$2" "$3" > "$2/token-$3"
            token=$(cat "$2/token-$3")
            curl --silent --show-error --fail-with-body --noproxy '*' --header "X-Auth-Token: $token" \
                --header "Content-Type: $6" --request "$4" --data-binary "$7" --output "$2/answer" "$5"
            if [ -n "$8" ]; then jq --raw-output "$8" "$2/answer"; fi
            """, Self.script, folder, user, method, state.withLock { $0.address } + path, type, body, filter
        ).text
    }
}

/// Starts the services before the first test of a suite, and ends them after the last, however that ended.
struct WithGlance: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let server = try GlanceServer()
        GlanceServer.current.withLock { $0 = server }
        additionalVariables.withLock { $0["OS_CLIENT_CONFIG_FILE"] = server.configuration }
        defer {
            additionalVariables.withLock { $0["OS_CLIENT_CONFIG_FILE"] = nil }
            GlanceServer.current.withLock { $0 = nil }
            server.end()
        }
        try await function()
    }
}

extension Trait where Self == WithGlance {
    static var withGlance: Self { Self() }
}
