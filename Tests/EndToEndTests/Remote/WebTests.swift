// Sources behind a web server: SEMANTICS W1 to W10.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct WebTests {
        /// The standard package as a web server has it.
        private struct Served {
            let package: StandardPackage
            let server: WebServer

            init(in folder: TestFolder) throws {
                package = try StandardPackage(in: folder)
                server = try WebServer(in: folder)
                try run(["cp", package.path, folder("www/x.ova")])
            }

            /// Each disk of the mount against its reference.
            func compare(_ mount: Mount) throws {
                for (name, reference) in package.references { try run(["cmp", mount(name), reference]) }
            }
        }

        @Test(
            "W1 W5: a package behind an address is what the file is, also where the server has no ranges",
            arguments: ["x.ova", "whole/x.ova", "moved/x.ova"])
        func package(path: String) throws {
            try withTestFolder { folder in
                let served = try Served(in: folder)
                defer { served.server.end() }
                try withMount(of: served.server.address(path), in: folder, options: "ctldir=visible") {
                    mount in
                    try served.compare(mount)
                    try run(
                        ["sha256sum", "--check", "--quiet", "../checksums.sha256"],
                        in: URL(fileURLWithPath: mount(".ova/stored")))
                    let table = try run(["findmnt", "--noheadings", "--output", "SOURCE", mount.point]).text
                    #expect(table == served.server.address(path))
                }
                let address = served.server.address(path)
                let verified = try run([try Ovafs.path(), "verify", "--deep", address])
                #expect(verified.text.contains("verified"))
                let output = try folder.makeFolder("copies")
                try run([try Ovafs.path(), "extract", address, "-o", output])
                for (name, reference) in served.package.references {
                    try run(["cmp", output + "/" + name, reference])
                }
                // From afar nothing is counted.
                let exact = #""$1" info --json "$2" | jq "$3""#
                let uncounted = "del(.disks[].dataSize, .disks[].dataSizeIsEstimate)"
                let ovafs = try Ovafs.path()
                let local = try shell(exact, ovafs, folder("www/x.ova"), uncounted).text
                #expect(try shell(exact, ovafs, address, uncounted).text == local)
                let estimated = ".disks[] | select(.dataSize > 0) | .dataSizeIsEstimate"
                let estimates = try shell(
                    #""$1" info --json "$2" | jq -r "$3""#, ovafs, address, estimated)
                #expect(!estimates.text.isEmpty && !estimates.text.contains("false"))
            }
        }

        @Test(
            "W1: images, alone and compressed, and their headers",
            arguments: ["qcow2", "vhdx", "vmdk", "raw"])
        func image(format: String) throws {
            try withTestFolder { folder in
                let server = try WebServer(in: folder)
                defer { server.end() }
                let reference = folder("reference.raw")
                try Fixtures.rawDisk(reference, byteCount: 8 << 20, data: [0..<300_000, 5 << 20..<6 << 20])
                let image = folder("www/d.\(format)")
                try run(["qemu-img", "convert", "-f", "raw", "-O", format, reference, image])
                try shell("xz --keep --threads=1 \"$1\"", image)
                for name in ["d.\(format)", "d.\(format).xz"] {
                    try withMount(of: server.address(name), in: folder) { mount in
                        try run(["cmp", mount("d.raw"), reference])
                    }
                }
                let header = try run(
                    [try Ovafs.path(), "info", "--json", "--header", server.address("d.\(format)")])
                let size = try JSONDecoder().decode(Header.self, from: header.standardOutput).virtualSize
                #expect(size == 8 << 20)
            }
        }

        private struct Header: Decodable { let virtualSize: Int }

        @Test("W2: only what is read is brought")
        func economy() throws {
            try withTestFolder { folder in
                let server = try WebServer(in: folder)
                defer { server.end() }
                let reference = folder("reference.raw")
                try Fixtures.rawDisk(reference, byteCount: 64 << 20, data: [0..<48 << 20])
                try Fixtures.vmdk(reference, to: folder("www/d.vmdk"))
                let mount = try Mount(server.address("d.vmdk"), in: folder)
                let start = try PosixFile(mount("d.raw")).read(4_096, at: 0)
                let requests = try server.requests()
                #expect(requests.count <= 5)
                #expect(requests.compactMap { Int($0.split(separator: " ")[2]) }.reduce(0, +) <= 2 << 20)
                #expect(start.count == 4_096)
                try mount.unmount()
            }
        }

        @Test("W3: a file that is replaced answers ESTALE from then on, and never bytes of both")
        func replaced() throws {
            try withTestFolder { folder in
                let served = try Served(in: folder)
                defer { served.server.end() }
                try withMount(of: served.server.address("x.ova"), in: folder, options: "cache=none,timeout=5")
                {
                    mount in
                    try run(["cp", folder("www/x.ova"), folder("www/y.ova")])
                    try shell(
                        "printf x | dd of=\"$1\" bs=1 seek=1536 conv=notrunc status=none", folder("www/y.ova")
                    )
                    try run(["mv", folder("www/y.ova"), folder("www/x.ova")])
                    let result = try attempt([
                        "cat", mount(StandardPackage.first), mount(StandardPackage.second),
                    ])
                    // What was brought before may be read; what is not there any more says so.
                    if result.exitCode != 0 { #expect(result.standardError.contains("Stale")) }
                    let whole = try attempt(["cat", mount(".ova/stored/appliance-disk1.vmdk")])
                    if whole.exitCode == 0 {
                        try run([
                            "cmp", mount(".ova/stored/appliance-disk1.vmdk"),
                            served.package.members + "/appliance-disk1.vmdk",
                        ])
                    }
                }
            }
        }

        @Test("W4: a server that is away ends reads in time, and all is well when it is back")
        func away() throws {
            try withTestFolder { folder in
                let server = try WebServer(in: folder)
                defer { server.end() }
                let reference = folder("reference.raw")
                try Fixtures.rawDisk(reference, byteCount: 96 << 20, data: [0..<96 << 20])
                try run(["cp", reference, folder("www/d.raw")])
                let options = "cache=none,timeout=4,cache_size=4M"
                try withMount(of: server.address("d.raw"), in: folder, options: options) { mount in
                    try server.stop()
                    let start = ContinuousClock.now
                    let result = try attempt(
                        ["dd", "if=\(mount("d.raw"))", "of=/dev/null", "bs=64K", "skip=1000", "count=1"])
                    #expect(result.exitCode == 1 && result.standardError.contains("Input/output error"))
                    #expect(ContinuousClock.now - start < .seconds(30))
                    #expect(try run(["ls", mount.point]).text == "d.raw")
                    try server.start()
                    // A pause that began while it was away may last as long as a read waits.
                    try wait(for: "the server") {
                        try attempt(
                            ["dd", "if=\(mount("d.raw"))", "of=/dev/null", "bs=64K", "skip=1000", "count=1"]
                        ).exitCode == 0
                    }
                    try run(["cmp", mount("d.raw"), reference])
                }
            }
        }

        @Test("W6: no secret is in arguments, mounts, counters, descriptions, logs or errors")
        func secrets() throws {
            try withTestFolder { folder in
                let served = try Served(in: folder)
                defer { served.server.end() }
                let words = [WebServer.signature, "p4ssw0rd", WebServer.key]
                let key = try folder.write("X-Key: \(WebServer.key)\n", to: "header")
                try run(["chmod", "600", key])
                let secrets = [
                    ("http://\(WebServer.userAndPassword)@127.0.0.1:\(served.server.port)/private/x.ova", ""),
                    (served.server.address("signed/x.ova?signature=\(WebServer.signature)"), ""),
                    (served.server.address("keyed/x.ova"), ",header=@\(key)"),
                ]
                for (number, (source, option)) in secrets.enumerated() {
                    let log = folder("log\(number)")
                    let mount = try Mount(
                        source, in: folder, on: "mnt\(number)", options: "ctldir=visible,log=\(log)" + option)
                    try served.compare(mount)
                    var seen = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
                    seen += try shell("tr '\\0' ' ' < /proc/$1/cmdline", "\(mount.server)").text
                    for file in [".ova/stats.json", ".ova/info.json"] {
                        seen += try run(["cat", mount(file)]).text
                    }
                    seen += mount.messages
                    // An error, for the log.
                    try served.server.stop()
                    try mount.unmount()
                    try served.server.start()
                    seen += (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
                    for command in ["info", "verify"] {
                        let wrong = source.replacing("x.ova", with: "missing.ova")
                        let result = try Ovafs.attempt(command, wrong)
                        #expect(result.exitCode == 3)
                        seen += result.standardError + result.text
                    }
                    for word in words { #expect(!seen.contains(word)) }
                }
            }
        }

        @Test(
            "W7: what a server asks for is given by a file of headers, an address, or .netrc; else it is exit code 3"
        )
        func credentials() throws {
            try withTestFolder { folder in
                let served = try Served(in: folder)
                defer { served.server.end() }
                let key = try folder.write("X-Key: \(WebServer.key)\n", to: "header")
                let open = try Ovafs.attempt(
                    "info", "--header-file=\(key)", served.server.address("keyed/x.ova"))
                #expect(open.exitCode == 0 && open.standardError.contains("can be read by others"))
                for path in ["keyed/x.ova", "private/x.ova", "signed/x.ova"] {
                    let result = try Ovafs.attempt("info", served.server.address(path))
                    #expect(result.exitCode == 3)
                    #expect(result.standardError.split(separator: "\n").count == 1)
                }
                try folder.write(
                    "machine 127.0.0.1 login user password p4ssw0rd\n",
                    to: "home/.netrc".replacing("home/", with: ""))
                let result = try attempt([
                    "env", "HOME=\(folder.path)", try Ovafs.path(), "info",
                    served.server.address("private/x.ova"),
                ])
                #expect(result.exitCode == 0)
            }
        }

        @Test("W8: a redirection is followed, and takes no secret to another server")
        func redirections() throws {
            try withTestFolder { folder in
                let served = try Served(in: folder)
                defer { served.server.end() }
                let key = try folder.write("X-Key: \(WebServer.key)\n", to: "header")
                let result = try Ovafs.attempt(
                    "info", "--header-file=\(key)", served.server.address("away/x.ova"))
                #expect(result.exitCode == 0)
                let requests = try served.server.requests()
                let (first, followed) = (
                    requests.filter { $0.hasPrefix("/away/") }, requests.filter { $0.hasPrefix("/x.ova") }
                )
                #expect(!first.isEmpty && first.allSatisfy { $0.contains(WebServer.key) })
                #expect(!followed.isEmpty && followed.allSatisfy { !$0.contains(WebServer.key) })
                let loop = try Ovafs.attempt("info", "--timeout=5", served.server.address("loop/"))
                #expect(loop.exitCode == 3 && loop.standardError.contains("redirect"))
            }
        }

        @Test(
            "W9: what is no source is one line and an exit code",
            arguments: [
                ("missing.ova", 3, "404"), ("login/x.ova", 3, "log-in"), ("empty.ova", 1, "complete"),
            ])
        func refusals(path: String, exitCode: Int32, word: String) throws {
            try withTestFolder { folder in
                let server = try WebServer(in: folder)
                defer { server.end() }
                try folder.write("", to: "www/empty.ova")
                for command in [["info"], ["verify"], ["extract", "-o", folder("out")]] {
                    let result = try attempt([try Ovafs.path()] + command + [server.address(path)])
                    #expect(result.exitCode == exitCode)
                    #expect(result.standardError.contains(word))
                    #expect(result.standardError.split(separator: "\n").count == 1)
                }
                let point = try folder.makeFolder("point")
                #expect(
                    try Ovafs.attempt("mount", "-o", "header=X-Key: y", server.address("x"), point).exitCode
                        == 2)
                #expect(try Ovafs.attempt("info", "--timeout=never", server.address("x")).exitCode == 2)
                #expect(try Ovafs.attempt("info", "http://").exitCode == 2)
                #expect(try Ovafs.attempt("info", "--timeout=2", "http://127.0.0.1:1/x.ova").exitCode == 3)
            }
        }

        @Test("O25: a cache folder that cannot be used is one warning, for an address as for a file")
        func unusableCacheFolder() throws {
            try withTestFolder { folder in
                let served = try Served(in: folder)
                defer { served.server.end() }
                try shell(
                    #"""
                    cd "$1"; mkdir open own one; chmod 777 open; chmod 700 own one; ln -s /etc/passwd own/lock
                    touch one/1 file
                    """#, folder.path)
                for (name, word) in [
                    ("open", "yours"), ("file", "file"), ("absent/folder", "absent/folder"),
                    ("own", "own/lock"), ("one", "one/1"),
                ] {
                    for option in [served.server.address("x.ova"), served.server.address("whole/x.ova")] {
                        let result = try Ovafs.attempt("info", "--cache-dir", folder(name), option)
                        #expect(result.exitCode == 0, "\(name)")
                        let warnings = result.standardError.split(separator: "\n").filter {
                            $0.contains("cache folder")
                        }
                        #expect(warnings.count == 1 && warnings[0].contains(word), "\(name): \(warnings)")
                        #expect(!result.standardError.contains("--help"))
                    }
                }
                let mount = try Mount(
                    served.server.address("x.ova"), in: folder, options: "cache_dir=\(folder("own"))")
                #expect(mount.messages.contains("own/lock"))
                try served.compare(mount)
                try mount.unmount()
            }
        }

        @Test("W1: what needs files beside it says that an address has none")
        func neighbours() throws {
            try withTestFolder { folder in
                let server = try WebServer(in: folder)
                defer { server.end() }
                try run(["qemu-img", "create", "-q", "-f", "qcow2", folder("www/base.qcow2"), "1M"])
                try run([
                    "qemu-img", "create", "-q", "-f", "qcow2", "-b", folder("www/base.qcow2"), "-F", "qcow2",
                    folder("www/top.qcow2"),
                ])
                try folder.write("<Envelope/>", to: "www/x.ovf")
                for name in ["top.qcow2", "x.ovf"] {
                    let result = try Ovafs.attempt("info", server.address(name))
                    #expect(result.exitCode == 1)
                    #expect(result.standardError.contains("files beside an address are not read"))
                }
            }
        }

        @Test("W10: with a cache folder, a second mount asks the server for next to nothing")
        func cacheFolder() throws {
            try withTestFolder { folder in
                let served = try Served(in: folder)
                defer { served.server.end() }
                let cache = try folder.makeFolder("cache")
                try run(["chmod", "700", cache])
                var counts: [Int] = []
                for round in 0..<2 {
                    let before = try served.server.requests().count
                    let mount = try Mount(
                        served.server.address("x.ova"), in: folder, on: "mnt\(round)",
                        options: "cache_dir=\(cache)")
                    try served.compare(mount)
                    try mount.unmount()
                    counts.append(try served.server.requests().count - before)
                }
                #expect(counts[0] > 1)
                #expect(counts[1] == 1)
                // A bit that rots in the folder is fetched anew, not served.
                try shell(
                    #"""
                    for f in $(find "$1" -name blocks); do
                        printf x | dd of="$f" bs=1 seek=300000 conv=notrunc status=none
                    done
                    """#, cache)
                let mount = try Mount(
                    served.server.address("x.ova"), in: folder, on: "mnt2", options: "cache_dir=\(cache)")
                try served.compare(mount)
                try mount.unmount()
            }
        }
    }
}
