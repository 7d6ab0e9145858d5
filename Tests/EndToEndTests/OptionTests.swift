// Mount options: SEMANTICS, "Options".
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    @Suite struct OptionTests {
        @Test(
            "O1: only allow_other lets other users in",
            .enabled(if: EndToEnd.isRoot, "needs root to be another user"))
        func otherUsers() throws {
            for (options, isAllowed) in [("", false), ("allow_other", true)] {
                try withStandardMount(options: options) { _, mount, _ in
                    // From inside the mount, so that the folders above need not let others in.
                    let result = try attempt(
                        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat", "notes.txt"],
                        in: URL(fileURLWithPath: mount.point))
                    #expect((result.exitCode == 0) == isAllowed, "\(result.standardError)")
                    #expect(result.text == (isAllowed ? "A note." : ""))
                }
            }
        }

        @Test("O2: uid, gid and umask set what stat shows")
        func ownership() throws {
            try withStandardMount(options: "uid=12,gid=34,umask=027") { _, mount, _ in
                for (name, mode) in [("/", "550"), ("/notes.txt", "440"), ("/appliance-disk1.raw", "440")] {
                    let shown = try run(["stat", "--format=%a %u %g", mount.point + name]).text
                    #expect(shown == "\(mode) 12 34")
                }
            }
        }

        @Test(
            "O4 O5: every cache option serves the same bytes",
            arguments: [
                "cache=none", "cache=kernel", "cache_size=1M", "cache_size=64K,threads=1",
                "threads=8,cache=none",
            ])
        func caches(options: String) throws {
            try withStandardMount(options: options) { package, mount, _ in
                for (name, reference) in package.references { try run(["cmp", mount(name), reference]) }
            }
        }

        @Test("O6: what mount(8) and fstab add is accepted")
        func ignored() throws {
            let options =
                "ro,noauto,user,user=someone,nofail,_netdev,defaults,nosuid,nodev,noexec,x-systemd.automount"
            try withStandardMount(options: options) { _, mount, _ in
                let note = try run(["cat", mount("notes.txt")]).text
                #expect(note == "A note.")
            }
        }

        @Test(
            "O6 O7 C3: an option that cannot be is refused by its name, with exit code 2",
            arguments: [
                ("rw", "rw"), ("frobnicate", "frobnicate"), ("frobnicate=3", "frobnicate"),
                ("uid=root", "uid"),
                ("uid=-1", "uid"), ("umask=999", "umask"), ("ctldir=maybe", "ctldir"),
                ("cache=much", "cache"),
                ("cache_size=lots", "cache_size"), ("threads=0", "threads"), ("ro,allow_othr", "allow_othr"),
            ])
        func refused(options: String, name: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                let result = try Ovafs.attempt("mount", package.path, point, "-o", options)
                #expect(result.exitCode == 2)
                #expect(result.standardError.contains(name))
                #expect(result.standardError.split(separator: "\n").count == 1)
                #expect(folder.mountPoints().isEmpty)
            }
        }

        @Test("O8: auto_unmount takes the mount away when the server is killed")
        func autoUnmount() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                try run([try Ovafs.path(), "mount", package.path, point, "-o", "auto_unmount"])
                // fusermount3 waits beside the server; only the server is killed.
                let servers = try folder.processes().filter { process in
                    try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe")
                        .hasSuffix("/ovafs")
                }
                #expect(servers.count == 1)
                kill(try #require(servers.first), SIGKILL)
                try wait(for: "the unmounting") { folder.mountPoints().isEmpty && folder.processes().isEmpty }
            }
        }

        @Test("O9: log=FILE has the errors that readers met")
        func logFile() throws {
            try withTestFolder { folder in
                let image = try DamagedImage(in: folder)
                let log = folder("ovafs.log")
                try withMount(of: image.path, in: folder, options: "log=\(log)") { mount in
                    let result = try attempt(["cat", mount("damaged.raw")])
                    #expect(result.exitCode != 0)
                }
                let text = try String(contentsOfFile: log, encoding: .utf8)
                #expect(text.split(separator: "\n").contains { $0.contains("grain") })
            }
        }
    }
}
