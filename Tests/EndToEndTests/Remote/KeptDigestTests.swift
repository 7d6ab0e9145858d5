// Digests of what has come from a web server: SEMANTICS W13.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct KeptDigestTests {
        private static func attribute(_ name: String, _ path: String) throws -> String {
            try run(["getfattr", "--only-values", "--absolute-names", "-n", "user.ova.\(name)", path]).text
        }

        /// Waits, a minute at most, until the digests of both disks are known.
        private static func waitForDigests(_ mount: Mount) throws -> [String] {
            var states: [String] = []
            for _ in 0..<300 {
                states = try [StandardPackage.first, StandardPackage.second].map {
                    try attribute("manifest", mount($0))
                }
                if !states.contains("unchecked") { return states }
                usleep(200_000)
            }
            return states
        }

        @Test(
            "W13: once all bytes of a member have come, its digest is checked, and a wrong one is told",
            arguments: ["x.ova", "whole/x.ova"])
        func wrong(path: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let server = try WebServer(in: folder)
                defer { server.end() }
                try run(["cp", package.path, folder("www/x.ova")])
                // The digest of the second disk, whose bytes stay as they are.
                try shell(
                    #"perl -pi -e 's/(appliance-disk2\.vmdk\)= )(....)/$1 . ($2 eq "0000" ? "1111" : "0000")/e' "$1""#,
                    folder("www/x.ova"))
                let cache = try folder.makeFolder("cache")
                try run(["chmod", "700", cache])
                let log = folder("log")
                let mount = try Mount(
                    server.address(path), in: folder, options: "cache_dir=\(cache),log=\(log)")
                for (name, reference) in package.references { try run(["cmp", mount(name), reference]) }
                #expect(try Self.waitForDigests(mount) == ["ok", "bad"])
                #expect(try Self.attribute("state", mount(StandardPackage.first)) == "ok")
                #expect(
                    try Self.attribute("state", mount(StandardPackage.second)).contains(
                        "digest is not the one"))
                // What was read stays readable.
                for (name, reference) in package.references { try run(["cmp", mount(name), reference]) }
                try mount.unmount()
                let text = try String(contentsOfFile: log, encoding: .utf8)
                #expect(
                    text.contains("appliance-disk2.vmdk: its sha256 digest is not the one of the manifest"))
                #expect(!text.contains("appliance-disk1.vmdk: its"))
            }
        }
    }
}
