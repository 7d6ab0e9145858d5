// Options that mean nothing for the source that is named: SEMANTICS O26.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    @Suite struct UnusedOptionTests {
        @Test(
            "O26: options for addresses change nothing of a local source; record= and replay= are warned of")
        func local() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try folder.write("X-Key: 1\n", to: "headers")
                try run(["chmod", "600", folder("headers")])
                let options =
                    "record=\(folder("new")),replay=\(folder("none")),timeout=5,header=@\(folder("headers")),"
                    + "os_cloud=nosuch,cache_dir=\(folder("cache")),links=inside"
                let mount = try Mount(package.path, in: folder, options: options)
                for name in ["record", "replay"] {
                    #expect(
                        mount.messages.contains("warning: \(name)= is for one source, at an address"),
                        "\(mount.messages)")
                }
                for (name, reference) in package.references { try run(["cmp", mount(name), reference]) }
                try mount.unmount()
                #expect(!FileManager.default.fileExists(atPath: folder("new")))
                let plain = try run([try Ovafs.path(), "info", package.path])
                let info = try Ovafs.attempt(
                    "info", package.path, "--timeout", "5", "--header-file", folder("headers"))
                #expect(info.exitCode == 0 && info.standardError.isEmpty && info.text == plain.text)
            }
        }

        @Test("O26: a file of headers that is not there is an error, whatever the source and the command")
        func missingHeaders() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("point")
                let (ovafs, absent) = (try Ovafs.path(), folder("absent"))
                for arguments in [
                    ["info", package.path, "--header-file", absent],
                    ["verify", package.path, "--header-file", absent],
                    ["info", "--header", package.path, "--header-file", absent],
                    ["extract", package.path, "-o", folder("out") + "/", "--header-file", absent],
                    ["mount", "-o", "header=@\(absent)", package.path, point],
                    ["mount", "--only-check-options", "-o", "header=@\(absent)", package.path, point],
                ] {
                    let result = try attempt([ovafs] + arguments)
                    #expect(result.exitCode == 2, "\(arguments)")
                    #expect(result.standardError.contains("absent"), "\(arguments): \(result.standardError)")
                    #expect(result.standardError.split(separator: "\n").count == 1)
                }
                #expect(folder.mountPoints().isEmpty)
                #expect(!FileManager.default.fileExists(atPath: folder("out")))
            }
        }
    }
}
