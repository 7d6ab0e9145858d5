// TLS, authorities and proxies: SEMANTICS W11.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct SecureWebTests {
        /// The standard package behind a server whose certificate the system does not know.
        private static func served(
            in folder: TestFolder, _ body: (StandardPackage, WebServer) throws -> Void
        ) throws {
            let package = try StandardPackage(in: folder)
            let server = try WebServer(in: folder)
            defer { server.end() }
            try run(["cp", package.path, folder("www/x.ova")])
            try body(package, server)
        }

        @Test("W11: by TLS a package is what the file is, with the authorities that the environment names")
        func authorities() throws {
            try withTestFolder { folder in
                try Self.served(in: folder) { package, server in
                    let point = try folder.makeFolder("mnt")
                    let ovafs = ["env", "CURL_CA_BUNDLE=\(server.authority)", try Ovafs.path()]
                    try run(ovafs + ["mount", server.secureAddress("x.ova"), point])
                    defer { _ = try? attempt([Ovafs.path(), "unmount", point]) }
                    for (name, reference) in package.references {
                        try run(["cmp", point + "/" + name, reference])
                    }
                    try run([try Ovafs.path(), "unmount", point])
                    try run(
                        [
                            "env", "-u", "CURL_CA_BUNDLE", "SSL_CERT_FILE=\(server.authority)",
                            try Ovafs.path(), "verify",
                        ]
                            + [server.secureAddress("x.ova")])
                }
            }
        }

        @Test("W11: a server that no authority vouches for is asked for nothing: exit code 3, one line")
        func unknown() throws {
            try withTestFolder { folder in
                try Self.served(in: folder) { _, server in
                    for command in [["info"], ["verify"], ["mount"]] {
                        let point = command == ["mount"] ? [try folder.makeFolder("mnt")] : []
                        let result = try attempt(
                            [try Ovafs.path()] + command + [server.secureAddress("x.ova")] + point)
                        #expect(result.exitCode == 3)
                        #expect(result.standardError.contains("certificate"))
                        #expect(result.standardError.split(separator: "\n").count == 1)
                    }
                    #expect(try server.requests().isEmpty)
                }
            }
        }

        @Test("W11: a server that does not speak TLS is exit code 3 at once, not when the time is over")
        func plain() throws {
            try withTestFolder { folder in
                try Self.served(in: folder) { _, server in
                    let start = ContinuousClock.now
                    let result = try Ovafs.attempt(
                        "info", "--timeout=300", "https://localhost:\(server.port)/x.ova", limit: 120)
                    #expect(result.exitCode == 3)
                    #expect(result.standardError.split(separator: "\n").count == 1)
                    #expect(ContinuousClock.now - start < .seconds(100))
                }
            }
        }

        @Test("W11: what was given for https is not told to http")
        func downgrade() throws {
            try withTestFolder { folder in
                try Self.served(in: folder) { _, server in
                    try folder.write("X-Key: \(WebServer.key)\n", to: "headers")
                    try run(["chmod", "600", folder("headers")])
                    let ovafs = ["env", "CURL_CA_BUNDLE=\(server.authority)", try Ovafs.path()]
                    try run(
                        ovafs + ["info", "--header-file", folder("headers")]
                            + [server.secureAddress("down/x.ova")])
                    let requests = try server.requests()
                    #expect(requests.contains { $0.hasPrefix("/down/x.ova") && $0.contains(WebServer.key) })
                    #expect(requests.contains { $0.hasPrefix("/x.ova") })
                    for request in requests where request.hasPrefix("/x.ova") {
                        #expect(!request.contains(WebServer.key))
                    }
                }
            }
        }

        @Test("W11: a proxy is asked as curl asks it")
        func proxy() throws {
            try withTestFolder { folder in
                try Self.served(in: folder) { _, server in
                    let output = folder("copies")
                    let proxy = String(server.address("").dropLast())
                    try run([
                        "env", "http_proxy=\(proxy)", "no_proxy=", try Ovafs.path(), "extract",
                        "http://appliances.invalid/x.ova", "-o", try folder.makeFolder("copies"),
                    ])
                    let names = try FileManager.default.contentsOfDirectory(atPath: output)
                    #expect(!names.isEmpty)
                    #expect(try server.requests().contains { $0.contains("x.ova") })
                }
            }
        }
    }
}
