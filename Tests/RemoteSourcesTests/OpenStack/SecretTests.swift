// Tests that no secret is shown.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import RemoteSources

@Suite("Secrets of a cloud")
struct SecretTests {
    private static let password = "hunter2-of-the-cloud"
    private static let token = "gAAAA-token-of-the-cloud"

    /// All that can be had of a value as text.
    private static func everything(of value: Any) -> String {
        var text = "\(value) " + String(reflecting: value)
        dump(value, to: &text)
        return text
    }

    private static func hasSecret(_ text: String) -> Bool {
        text.contains(password) || text.contains(token)
    }

    @Test("no description, reflection or dump of a configuration, a credential or a token has one")
    func descriptions() throws {
        let secret = Secret(Self.password)
        #expect(secret.exposedText == Self.password)
        #expect(!Self.hasSecret(Self.everything(of: secret)))
        #expect(!Self.hasSecret(Self.everything(of: [secret: [secret]])))
        for more in [
            ["OS_PASSWORD": Self.password], ["OS_AUTH_TYPE": "token", "OS_TOKEN": Self.token],
            [
                "OS_AUTH_TYPE": "v3applicationcredential", "OS_APPLICATION_CREDENTIAL_ID": "i",
                "OS_APPLICATION_CREDENTIAL_SECRET": Self.password,
            ],
            [
                "OS_AUTH_TYPE": "admin_token", "OS_TOKEN": Self.token,
                "OS_ENDPOINT": "http://u:\(Self.password)@h/",
            ],
            ["OS_AUTH_URL": "http://u:\(Self.password)@h/v3"],
        ] {
            let configuration = try FakeCloud.settings(more)
            let cloud = FakeCloud { _, _ in .token(Self.token) }
            let session = try cloud.session(configuration)
            let access = try session.access(until: .never)
            #expect(!Self.hasSecret("\(configuration) \(access) \(cloud.requests)"))
            #expect(!Self.hasSecret(String(reflecting: configuration)))
            #expect(!Self.hasSecret(Self.everything(of: access)))
        }
        let held = try KeystoneToken(secret: Self.token, body: Array(#"{"token": {}}"#.utf8))
        #expect(!Self.hasSecret(Self.everything(of: held)))
    }

    @Test(
        "an error does not repeat one, even where the server sends it back",
        arguments: [400, 401, 403, 404, 409, 500])
    func errors(_ status: Int) throws {
        let echo =
            "<html><h1>x</h1>password \(Self.password), token \(Self.token) and again \(Self.token)</html>"
        let json = #"{"error": {"message": "the password \#(Self.password) is wrong"}}"#
        let settings = try FakeCloud.settings(["OS_PASSWORD": Self.password])
        let clock = FakeClock()
        for body in [echo, json] {
            // A token that it has not handed out yet is the server's own.
            let own = body.replacing(Self.token, with: "x")
            let keystone = FakeCloud { _, _ in .status(status, own) }
            let error = openStackError {
                _ = try keystone.session(settings, clock: clock.clock).access(
                    until: Deadline(after: 1, from: clock.now))
            }
            #expect(error != nil)
            #expect(error.map { Self.hasSecret("\($0) \($0.asTransportError)") } == false)
            let glance = FakeCloud { request, _ in
                request.address.text.contains("keystone") ? .token(Self.token) : .status(status, body)
            }
            let client = GlanceClient(try glance.session(settings, clock: clock.clock))
            let other = openStackError { _ = try client.images(until: Deadline(after: 1, from: clock.now)) }
            #expect(other != nil)
            #expect(other.map { Self.hasSecret("\($0) \($0.asTransportError)") } == false)
        }
    }

    @Test("a server's words are one line, short, and of text alone")
    func words() {
        let message = { (text: String) in ServiceText.message(in: Array(text.utf8), hiding: []) }
        #expect(message("") == nil)
        #expect(message("<html><body></body></html>") == nil)
        #expect(
            message(
                "<html><head><title>T</title></head><body><h1>404 Not Found</h1>\n No image <b>x</b>.<br /><br />\n</body></html>"
            ) == "No image x .")
        #expect(message(#"{"error": {"message": "a\nb"}}"#) == "a b")
        #expect(message(#"{"message": "No <i>x</i>.<br /><br />\n\n", "code": "404 Not Found"}"#) == "No x .")
        #expect(message(#"{"error": 5}"#) == nil)
        #expect(message("{") == nil)
        #expect(message("plain &amp;amp; &#x27;x&#39; &unknown;") == "plain &amp; 'x' &unknown;")
        #expect((message(String(repeating: "ab ", count: 100_000))?.utf8.count ?? 0) < 320)
        #expect(message(String(repeating: "<", count: 100_000)) == nil)
        #expect(
            message("a\u{301}" + String(repeating: "\u{301}", count: 3_000)).map { $0.utf8.count < 320 }
                == true)
        #expect(ServiceText.quotable("a\u{202e}b\u{7f}\t\tc") == "a\u{fffd}b c")
    }
}
