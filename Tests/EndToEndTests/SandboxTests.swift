// The sandbox of a server: what it forbids, each layer by itself, from inside and from outside.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite struct SandboxTests {
        /// What the kernel has, as a sandbox with all of it says.
        private static let landlockVersion: Int = {
            (try? Ovafs.path()).flatMap { try? Probe(of: $0, options: "") }.map { $0.landlockVersion } ?? 0
        }()

        /// The calls that are tried, and answered EPERM by the filter.
        private static let calls = [
            "execve", "ptrace", "process_vm_readv", "mount", "umount2", "pivot_root", "chroot", "fsopen",
            "move_mount",
            "unshare", "setns", "open_by_handle_at", "bpf", "perf_event_open", "userfaultfd",
            "io_uring_setup", "keyctl",
            "add_key", "kexec_load", "init_module", "reboot", "swapoff", "sethostname", "clock_settime",
            "setuid",
            "capset", "personality", "fchmod", "fchown", "symlinkat", "pidfd_getfd", "seccomp", "fork",
            "write-and-run",
        ]

        /// Of these, those that anyone may try with such arguments.
        private static let permittedCalls = [
            "execve", "ptrace", "process_vm_readv", "unshare", "setns", "keyctl", "personality", "fchmod",
            "fchown",
            "symlinkat", "seccomp", "fork", "write-and-run",
        ]

        /// What `ovafs sandbox-probe` says of the sandbox that a mount of a source has.
        private struct Probe {
            /// By the name of an attempt, the number of its error.
            let results: [String: Int32]
            let layers: [String]
            let landlockVersion: Int

            init(of source: String, options: String, layers: [String] = [], _ attempts: [String] = [])
                throws
            {
                let chosen = layers.flatMap { ["--layer", $0] }
                let text = try run(
                    [try Ovafs.path(), "sandbox-probe", source, "-o", "ro,\(options)"] + chosen + attempts
                ).text
                let end = try #require(text.range(of: "\n}\n"))
                let json = try #require(
                    try JSONSerialization.jsonObject(with: Data(text[..<end.upperBound].utf8))
                        as? [String: Any])
                self.layers = json["layers"] as? [String] ?? []
                landlockVersion = json["landlockVersion"] as? Int ?? 0
                results = Dictionary(
                    text[end.upperBound...].split(separator: "\n").compactMap { line in
                        let words = line.split(separator: " ")
                        return words.count == 2 ? Int32(words[1]).map { (String(words[0]), $0) } : nil
                    }, uniquingKeysWith: { $1 })
            }
        }

        @Test(
            "O27: of system calls those that a server needs are left: others answer EPERM, or ENOSYS where unknown"
        )
        func systemCalls() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let probe = try Probe(
                    of: package.path, options: "", layers: ["noNewPrivileges", "systemCalls"],
                    ["--connect", "9"])
                #expect(probe.layers == ["noNewPrivileges", "systemCalls"])
                for call in Self.calls { #expect(probe.results[call] == EPERM, "\(call)") }
                #expect(probe.results["unknown"] == ENOSYS)
                // A source of this machine needs no internet; a signal to itself ends a mount.
                #expect(probe.results["connect:9"] == EPERM)
                #expect(probe.results["kill-parent"] == EPERM && probe.results["kill-self"] == 0)
                // The same attempts without the filter.
                let free = try Probe(of: package.path, options: "sandbox=off")
                #expect(free.layers.isEmpty && free.results["kill-parent"] == 0 && free.results["fork"] == 0)
                for call in Self.permittedCalls {
                    #expect(free.results[call] != nil && free.results[call] != EPERM, "\(call)")
                }
            }
        }

        @Test(
            "O27: of files the source's own are left, and nothing can be written",
            .enabled(if: landlockVersion > 0, "the kernel has no Landlock, or does not let us use it"))
        func files() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let image = try folder.write(String(repeating: "image", count: 1_000), to: "disk.raw")
                try folder.makeFolder("other")
                let other = try folder.write("a secret", to: "other/secret")
                let paths = [image, package.path, other, "/etc/passwd"]
                let attempts =
                    paths.flatMap { ["--read", $0] }
                    + ["--make", folder("new"), "--make", "/var/tmp/ovafs-probe-\(UUID().uuidString)"]
                let layers = ["noNewPrivileges", "files"]
                let probe = try Probe(of: image, options: "", layers: layers, attempts)
                for (name, error) in probe.results where name.hasPrefix("write:") || name.hasPrefix("make:") {
                    #expect(error == EACCES, "\(name)")
                }
                // A parent of an image is in its folder, and in none beneath.
                for path in paths {
                    let isBeside = [image, package.path].contains(path)
                    #expect(probe.results["read:\(path)"] == (isBeside ? 0 : EACCES), "\(path)")
                }
                // An archive is open, and has all its files in it.
                let archived = try Probe(of: package.path, options: "", layers: layers, attempts)
                for path in paths { #expect(archived.results["read:\(path)"] == EACCES, "\(path)") }
                // A folder package is what is beneath its folder.
                let whole = try Probe(of: package.members, options: "", layers: layers, attempts)
                for path in paths { #expect(whole.results["read:\(path)"] == EACCES, "\(path)") }
                // Threads are in /proc, and so are other processes.
                let processes = try Probe(
                    of: image, options: "", layers: layers, ["--read", "/proc/1/stat"])
                #expect(processes.results["read:/proc/1/stat"] == 0)
                let free = try Probe(of: image, options: "sandbox=off", attempts)
                #expect(free.results["read:\(other)"] == 0 && free.results["make:\(folder("new"))"] == 0)
                // A folder to keep things in is the only one that is written to.
                let kept = try folder.makeFolder("kept")
                let writing = try Probe(
                    of: image, options: "cache_dir=\(kept)", layers: layers,
                    ["--make", kept + "/new", "--make", folder("new")])
                #expect(writing.results["make:\(kept)/new"] == 0)
                #expect(writing.results["make:\(folder("new"))"] == EACCES)
            }
        }

        @Test(
            "O27: of TCP ports those that a source may have are left",
            .enabled(if: landlockVersion >= 4, "the kernel's Landlock has no ports"))
        func ports() throws {
            let web = "http://127.0.0.1:9/disk.img"
            let layers = ["noNewPrivileges", "files", "ports"]
            let probe = try Probe(
                of: web, options: "", layers: layers, ["--connect", "9", "--connect", "22"])
            #expect(probe.layers.sorted() == layers.sorted())
            #expect(probe.results["connect:9"] != EACCES && probe.results["connect:9"] != EPERM)
            #expect(probe.results["connect:22"] == EACCES && probe.results["bind"] == EACCES)
            let free = try Probe(of: web, options: "sandbox=off", ["--connect", "22"])
            #expect(free.results["connect:22"] != EACCES && free.results["bind"] == 0)
        }

        @Test(
            "O27: of capabilities only the one to read is left, and that only where the source has files of others",
            .enabled(if: EndToEnd.isRoot, "needs root to have capabilities"))
        func capabilities() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try folder.makeFolder("other")
                let alien = try folder.write("another's", to: "other/alien")
                try shell("chown 65534:65534 \"$1\"; chmod 600 \"$1\"; chmod 755 \"$2\"", alien, folder.path)
                let layers = ["noNewPrivileges", "capabilities"]
                let probe = try Probe(of: package.path, options: "", layers: layers, ["--read", alien])
                #expect(probe.results["read:\(alien)"] == EACCES)
                for call in ["sethostname", "swapoff", "reboot"] {
                    #expect(probe.results[call] == EPERM, "\(call)")
                }
                let free = try Probe(of: package.path, options: "sandbox=off", ["--read", alien])
                #expect(free.results["read:\(alien)"] == 0 && free.results["sethostname"] != EPERM)
                // The image's own folder has one of another user: it may be a parent.
                let needed = try Probe(
                    of: folder("other/alien"), options: "", layers: layers, ["--read", alien])
                #expect(needed.results["read:\(alien)"] == 0 && needed.results["write:\(alien)"] == EACCES)
            }
        }

        @Test("O27: where secrets are in memory no core is dumped, and no program gives new privileges")
        func coreDumps() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let far = try Probe(of: "http://127.0.0.1:9/disk.img", options: "")
                #expect(far.results["dumpable"] == 0 && far.results["no-new-privileges"] == 1)
                let near = try Probe(of: package.path, options: "")
                #expect(near.results["dumpable"] == 1 && near.results["no-new-privileges"] == 1)
                #expect(try Probe(of: package.path, options: "sandbox=off").results["no-new-privileges"] == 0)
            }
        }

        @Test("O27: each thread of a server is in its sandbox, and stats.json says what holds")
        func server() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try withMount(of: package.path, in: folder, options: "sandbox=auto") { mount in
                    try run(["cmp", mount(StandardPackage.second), package.secondReference])
                    try run(["cmp", mount(StandardPackage.first), package.firstReference])
                    let threads = try FileManager.default.contentsOfDirectory(
                        atPath: "/proc/\(mount.server)/task")
                    #expect(threads.count > 1)
                    for thread in threads {
                        // One may end meanwhile.
                        guard
                            let status = try? String(
                                contentsOfFile: "/proc/\(mount.server)/task/\(thread)/status", encoding: .utf8
                            )
                        else { continue }
                        #expect(status.contains("NoNewPrivs:\t1\n") && status.contains("Seccomp:\t2\n"))
                        #expect(status.contains("CapEff:\t0000000000000000\n"))
                    }
                    let state = try Self.state(of: mount)
                    let layers = state["layers"] as? [String] ?? []
                    #expect(Set(layers).isSuperset(of: ["noNewPrivileges", "capabilities", "systemCalls"]))
                    #expect(layers.contains("files") == (Self.landlockVersion > 0))
                    #expect(state["mode"] as? String == "auto" && state["userID"] as? UInt32 == getuid())
                }
                try withMount(of: package.path, in: folder, options: "sandbox=off") { mount in
                    #expect(try Self.state(of: mount)["layers"] as? [String] == [])
                    let status = try String(contentsOfFile: "/proc/\(mount.server)/status", encoding: .utf8)
                    #expect(status.contains("NoNewPrivs:\t0\n"))
                }
            }
        }

        @Test(
            "O27: info and verify are in a sandbox before they ask a server", arguments: ["info", "verify"])
        func commands(name: String) throws {
            try withTestFolder { folder in
                // It lets everyone in, and answers no one.
                let script = """
                    import socket, time
                    server = socket.create_server(("127.0.0.1", 0))
                    print(server.getsockname()[1], flush=True)
                    time.sleep(60)
                    """
                let text = try shell(
                    """
                    python3 "$2" > "$3/port" & server=$!
                    for try in $(seq 1000); do [ -s "$3/port" ] && break; sleep 0.02; done
                    "$1" $4 --timeout=50 "http://127.0.0.1:$(cat "$3/port")/x.ova" 2> /dev/null & command=$!
                    for try in $(seq 1000); do
                        grep -q '^Seccomp:.2' /proc/$command/status && break; sleep 0.02
                    done
                    grep -E '^(NoNewPrivs|Seccomp):' /proc/$command/status
                    kill $command $server
                    """, try Ovafs.path(), try folder.write(script, to: "silent.py"), folder.path, name
                ).lines
                #expect(text == ["NoNewPrivs:\t1", "Seccomp:\t2"])
                try wait(for: "the server's end") { folder.processes().isEmpty }
            }
        }

        @Test("O27: where the system lacks a layer auto does without it, and require does not mount")
        func missingLayer() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                let older = try folder.write(Self.olderKernel, to: "older.py")
                let command = ["python3", older, try Ovafs.path(), "mount", package.path, point, "-o"]
                let refused = try attempt(command + ["sandbox=require"])
                #expect(refused.exitCode == 4, "\(refused.standardError)")
                #expect(refused.standardError.contains("files: ") && folder.mountPoints().isEmpty)
                try run(command + ["sandbox=auto"])
                let text = try run(["cat", point + "/.ova/stats.json"]).standardOutput
                let json = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
                let state = try #require(json["sandbox"] as? [String: Any])
                #expect((state["missing"] as? [String])?.contains { $0.hasPrefix("files: ") } == true)
                #expect((state["layers"] as? [String])?.contains("systemCalls") == true)
                try run(["cmp", point + "/" + StandardPackage.second, package.secondReference])
                try run([try Ovafs.path(), "unmount", point])
                try wait(for: "the server's end") { folder.processes().isEmpty }
            }
        }

        @Test(
            "O27 C5: the server of an ordinary user, which no helper can give rights any more, ends with its mount",
            .enabled(if: EndToEnd.isRoot, "needs root to be another user"), arguments: ["TERM", "INT"])
        func ordinaryUser(signal: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try OrdinaryUser().run(
                    """
                    ovafs mount "$SOURCE" mnt
                    cmp mnt/notes.txt <(echo A note.)
                    grep -q noNewPrivileges mnt/.ova/stats.json
                    kill -\(signal) $(pgrep --exact --full 'ovafs mount .*')
                    for try in $(seq 100); do pgrep --exact ovafs > /dev/null || break; sleep 0.1; done
                    ! pgrep --exact ovafs
                    ! grep fuse.ova /proc/mounts
                    """, source: package.path)
            }
        }

        @Test(
            "O27: a redirection to a port that the source's address does not have is refused, and the error says so",
            .enabled(if: landlockVersion >= 4, "the kernel's Landlock has no ports"))
        func redirection() throws {
            try withTestFolder { folder in
                let server = try WebServer(in: folder)
                defer { server.end() }
                try shell("head -c 102400 /dev/urandom > \"$1/www/disk.raw\"", folder.path)
                let script = try folder.write(Self.redirector, to: "redirector.py")
                let port = try shell(
                    "python3 \"$1\" \"$2\" > \"$3\" 2> /dev/null & "
                        + "for i in $(seq 500); do [ -s \"$3\" ] && break; sleep 0.02; done; cat \"$3\"",
                    script, server.address("disk.raw"), folder("port")
                ).text
                defer { for process in folder.processes() { kill(process, SIGKILL) } }
                let point = try folder.makeFolder("mnt")
                let address = "http://127.0.0.1:\(port)/disk.raw"
                let refused = try Ovafs.attempt("mount", address, point)
                #expect(
                    refused.exitCode == 3 && refused.standardError.contains("sandbox"),
                    "\(refused.standardError)")
                try run([try Ovafs.path(), "mount", address, point, "-o", "sandbox=off"])
                try run(["cmp", point + "/disk.raw", folder("www/disk.raw")])
                try run([try Ovafs.path(), "unmount", point])
            }
        }

        /// Sends everyone to its argument, and says its port.
        private static let redirector = """
            import http.server, sys
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(302)
                    self.send_header("Location", sys.argv[1])
                    self.end_headers()
                do_HEAD = do_GET
            server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
            print(server.server_port, flush=True)
            server.serve_forever()
            """

        @Test(
            "O28: with run_as= the server is that user, and its files and its end are as without it",
            .enabled(if: EndToEnd.isRoot, "needs root to become another user"), arguments: ["auto", "off"])
        func runAs(mode: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                // The source may be root's alone.
                try run(["chmod", "600", package.path])
                let kept = try folder.makeFolder("kept")
                try run(["chown", "nobody", kept])
                let mount = try Mount(
                    package.path, in: folder, options: "run_as=nobody,sandbox=\(mode),cache_dir=\(kept)")
                let nobody = try #require(UInt32(try run(["id", "-u", "nobody"]).text))
                let status = try String(contentsOfFile: "/proc/\(mount.server)/status", encoding: .utf8)
                let words = status.split(separator: "\n").first { $0.hasPrefix("Uid:") }?.split(
                    separator: "\t"
                ).dropFirst()
                #expect(words.map { Set($0) } == ["\(nobody)"], "\(status)")
                #expect(
                    status.contains("CapEff:\t0000000000000000\n")
                        && status.contains("CapPrm:\t0000000000000000\n"))
                #expect(try Self.state(of: mount)["userID"] as? UInt32 == nobody)
                try run(["cmp", mount(StandardPackage.second), package.secondReference])
                #expect(try run(["stat", "--format", "%u", mount("notes.txt")]).text == "0")
                // Who unmounts waits for the server's end all the same.
                kill(mount.server, SIGSTOP)
                try shell("(sleep 1; kill -CONT $1) > /dev/null 2>&1 &", String(mount.server))
                let result = try run([try Ovafs.path(), "unmount", mount.point])
                #expect(folder.servers().isEmpty && result.standardError.isEmpty)
                try wait(for: "the broker's end") { folder.processes().isEmpty }
            }
        }

        @Test(
            "O28: what run_as= cannot be is wrong usage, or no mount",
            arguments: [("no-such-user", 2, "run_as"), ("", 2, "run_as"), ("4294967290", 2, "run_as")])
        func wrongUser(user: String, exitCode: Int32, word: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                let result = try Ovafs.attempt("mount", package.path, point, "-o", "run_as=\(user)")
                #expect(
                    result.exitCode == exitCode && result.standardError.contains(word),
                    "\(result.standardError)")
                #expect(folder.mountPoints().isEmpty && folder.processes().isEmpty)
            }
        }

        private static func state(of mount: Mount) throws -> [String: Any] {
            let data = try Data(contentsOf: URL(fileURLWithPath: mount(".ova/stats.json")))
            let json = try JSONSerialization.jsonObject(with: data) as? [String: Any]
            return try #require(json?["sandbox"] as? [String: Any])
        }

        /// Runs a program on a kernel without Landlock: its first call answers ENOSYS, by a filter.
        private static let olderKernel = """
            import ctypes, os, struct, sys
            steps = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x50000 | 38), (0x06, 0, 0, 0x7fff0000)]
            code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
            program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
            libc = ctypes.CDLL(None, use_errno=True)
            assert libc.prctl(38, 1, 0, 0, 0) == 0
            assert libc.prctl(22, 2, program, 0, 0) == 0, os.strerror(ctypes.get_errno())
            os.execv(sys.argv[1], sys.argv[1:])
            """
    }
}
