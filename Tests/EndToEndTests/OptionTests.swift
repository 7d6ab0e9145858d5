// Mount options: SEMANTICS, "Options".
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
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
                ("uid=no-such-user", "uid"), ("uid", "needs a value"), ("gid=no-such-group", "gid"),
                ("uid=4294967295", "uid"), ("log", "needs a value"), ("log=", "needs a value"),
                ("ctldir", "needs a value"), ("lenient=yes", "takes no value"), ("ro=1", "takes no value"),
                ("suid", "suid"), ("dev", "dev"), ("remount", "unmount it"), ("remount,ro", "remount"),
                ("allow_othr", "(did you mean 'allow_other'?)"), ("chache=none", "(did you mean 'cache'?)"),
                ("uid=-1", "uid"), ("umask=999", "umask"), ("ctldir=maybe", "ctldir"),
                ("cache=much", "cache"),
                ("cache_size=lots", "cache_size"), ("threads=0", "threads"), ("ro,allow_othr", "allow_othr"),
            ])
        func refused(options: String, name: String) throws {
            try withTestFolder { folder in
                let package = Ovafs.sourceTree.appendingPathComponent("Examples/web-server.ova")
                let point = try folder.makeFolder("mnt")
                let result = try Ovafs.attempt("mount", package.path, point, "-o", options)
                #expect(result.exitCode == 2)
                #expect(result.standardError.contains(name))
                #expect(result.standardError.split(separator: "\n").count == 1)
                #expect(folder.mountPoints().isEmpty)
            }
        }

        @Test("O6: nosuid, nodev and noexec by default, and exec where it is asked for")
        func execution() throws {
            for (options, isExecutable) in [
                ("", false), ("exec", true), ("exec,noexec", false), ("user", false),
            ] {
                try withStandardMount(options: options) { _, mount, _ in
                    let shown = try run(["findmnt", "--noheadings", "--output=OPTIONS", mount.point]).text
                    let words = shown.split(separator: ",")
                    #expect(words.contains("ro") && words.contains("nosuid") && words.contains("nodev"))
                    #expect(words.contains("noexec") == !isExecutable, "\(options): \(shown)")
                }
            }
        }

        @Test("O2: uid and gid by name")
        func names() throws {
            try withStandardMount(options: "uid=nobody,gid=daemon,allow_other") { _, mount, _ in
                let wanted = try shell("id --user nobody; getent group daemon | cut --delimiter=: --fields=3")
                    .lines
                #expect(
                    try run(["stat", "--format=%u%n%g", "--printf=%u\n%g\n", mount("notes.txt")]).lines
                        == wanted)
            }
        }

        @Test("O2 C4: uid of another user without allow_other is warned of, as that user cannot read")
        func uselessOwner() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                for (options, isWarned) in [
                    ("uid=12", true), ("uid=\(getuid())", false), ("gid=12", false),
                ] + (EndToEnd.isRoot ? [("uid=12,allow_other", false)] : []) {
                    let mount = try Mount(package.path, in: folder, options: options)
                    #expect(
                        mount.messages.contains("allow_other") == isWarned, "\(options): \(mount.messages)")
                    try mount.unmount()
                }
            }
        }

        @Test("O10: X-mount.mkdir makes the folder and those above it, with the mode that is asked for")
        func makingTheFolder() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                for (options, path, mode) in [
                    ("X-mount.mkdir", "a/b/c", "755"), ("x-mount.mkdir=700", "d", "700"),
                    ("ro,X-mount.mkdir=0711", "e", "711"), ("X-mount.mkdir=700", "a", "755"),
                ] {
                    try run([try Ovafs.path(), "mount", package.path, path, "-o", options], in: folder.url)
                    try run(["cmp", folder(path) + "/" + StandardPackage.second, package.secondReference])
                    try run([try Ovafs.path(), "unmount", path], in: folder.url)
                    try wait(for: "the server's end") { folder.processes().isEmpty }
                    #expect(try run(["stat", "--format=%a", folder(path)]).text == mode)
                }
                for options in ["X-mount.mkdir=9", "X-mount.mkdir=7777", "X-mount.mkdir="] {
                    let result = try Ovafs.attempt("mount", package.path, folder("f"), "-o", options)
                    #expect(result.exitCode == 2 && result.standardError.contains("X-mount.mkdir"))
                    #expect(!FileManager.default.fileExists(atPath: folder("f")))
                }
                // A mount that fails leaves nothing that was made for it.
                for (source, options) in [
                    (folder("absent.ova"), "X-mount.mkdir"), ("/dev/null", "X-mount.mkdir,auto_unmount"),
                    (package.path, "X-mount.mkdir,log=/absent/log"),
                ] {
                    let result = try Ovafs.attempt("mount", source, folder("g/h"), "-o", options)
                    #expect(result.exitCode != 0)
                    #expect(!FileManager.default.fileExists(atPath: folder("g")), "\(options)")
                }
                let result = try Ovafs.attempt(
                    "mount", package.path, package.path + "/x", "-o", "X-mount.mkdir")
                #expect(result.exitCode == 4 && result.standardError.contains("Not a directory"))
            }
        }

        @Test("O7: options joined to -o, and several of them")
        func joined() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                try run([
                    try Ovafs.path(), "mount", "-octldir=visible", package.path, "-o", "ro, uid=7", point,
                    "-oumask=077",
                ])
                #expect(try run(["ls", "-A", point]).lines.contains(".ova"))
                #expect(try run(["stat", "--format=%u %a", point + "/notes.txt"]).text == "7 400")
                try run([try Ovafs.path(), "unmount", point])
                try wait(for: "the server's end") { folder.processes().isEmpty }
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
                let damaged = DamagedImage.damaged
                #expect(
                    text.contains(
                        ": damaged.raw: guest bytes \(damaged.lowerBound) to \(damaged.upperBound - 1), "
                            + "stored in damaged.vmdk: cluster "), "\(text)")
            }
        }

        @Test("O9: log=FILE is the file that was named, byte by byte, however -o is written")
        func logName() throws {
            try withTestFolder { folder in
                _ = try DamagedImage(in: folder)
                try folder.makeFolder("mnt")
                for (index, option) in [
                    "-o $'log=\\xe4.log,ro'", "-o$'nofail,log=\\xe4.log'", "-o nofail -o $'ro,log=\\xe4.log'",
                ].enumerated() {
                    try shell(
                        """
                        "$1" mount \(option) damaged.vmdk mnt
                        ! cat mnt/damaged.raw > /dev/null 2>&1
                        "$1" unmount mnt
                        grep -q grain $'\\xe4.log'
                        rm $'\\xe4.log'
                        """, try Ovafs.path(), in: folder.url)
                    try wait(for: "the server's end") { folder.processes().isEmpty }
                    let left = try run(["ls"], in: folder.url).lines
                    #expect(!left.contains { $0.contains("log") }, "\(index)")
                }
            }
        }

        @Test("O9: a log is not written to what is mounted")
        func logOverSource() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                try run(["ln", package.path, folder("other-name")])
                let member = package.members + "/appliance-disk1.vmdk"
                for (source, log) in [
                    (package.path, package.path), (package.path, folder("other-name")),
                    (package.members, member),
                ] {
                    try expectRefused(log, of: source, on: point, in: folder)
                }
            }
        }

        @Test(
            "O9: a log is not written to a device", .enabled(if: EndToEnd.isRoot, "loop devices need root"))
        func logToDevice() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                try withLoopDevice("device", byteCount: 1 << 20, in: folder) { device in
                    try expectRefused(device, of: package.path, on: point, in: folder)
                }
            }
        }

        private func expectRefused(
            _ log: String, of source: String, on point: String, in folder: TestFolder
        ) throws {
            let before = try Fixtures.digest(log)
            let result = try Ovafs.attempt("mount", source, point, "-o", "log=\(log)")
            #expect(result.exitCode == 2, "\(result.standardError)")
            #expect(result.standardError.contains("cannot write the log"))
            #expect(try Fixtures.digest(log) == before)
            #expect(folder.mountPoints().isEmpty)
        }
    }
}
