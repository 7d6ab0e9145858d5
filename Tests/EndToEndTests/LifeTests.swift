// Starting and ending a mount: SEMANTICS, "Commands and the life of a mount".
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite struct LifeTests {
        @Test("C1: the command returns when the mount is usable, and the server keeps nothing of its caller")
        func background() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                // A pipe that the server kept open would hold up `cat` until the limit.
                let text = try shell(
                    "cd $4; { \"$1\" mount \"$2\" \"$3\"; echo usable; ls \"$3\"; } 2>&1 | cat",
                    try Ovafs.path(),
                    package.path, point, package.members, limit: 20
                ).lines
                #expect(text.first == "usable")
                #expect(text.contains(StandardPackage.first))
                let server = try #require(folder.servers().first)
                #expect(
                    try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(server)/cwd") == "/")
                #expect(getsid(server) == server)
                for descriptor in 0...2 {
                    let target = try FileManager.default.destinationOfSymbolicLink(
                        atPath: "/proc/\(server)/fd/\(descriptor)")
                    #expect(target == "/dev/null")
                }
                try unmount(point)
                try wait(for: "the server's end") { folder.processes().isEmpty }
            }
        }

        @Test("C1: a relative source and a relative folder are those of the caller's folder")
        func relativePaths() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try folder.makeFolder("mnt")
                try run([try Ovafs.path(), "mount", "appliance.ova", "mnt"], in: folder.url)
                try run(["cmp", folder("mnt/\(StandardPackage.second)"), package.secondReference])
                try unmount(folder("mnt"))
                try wait(for: "the server's end") { folder.processes().isEmpty }
            }
        }

        @Test("C1: operands may follow a double dash")
        func doubleDash() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                try run([try Ovafs.path(), "mount", "-o", "ro", "--", package.path, point])
                try unmount(point)
                try wait(for: "the server's end") { folder.processes().isEmpty }
            }
        }

        @Test(
            "C5: umount, which is root's, and fusermount3 -u end the server",
            arguments: [["fusermount3", "-u"]] + (EndToEnd.isRoot ? [["umount"]] : []))
        func unmounting(command: [String]) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let mount = try Mount(package.path, in: folder)
                try run(["cmp", mount(StandardPackage.second), package.secondReference])
                try run(command + [mount.point])
                try mount.waitForEnd()
                #expect(try FileManager.default.contentsOfDirectory(atPath: mount.point).isEmpty)
            }
        }

        @Test(
            "C5: SIGINT, SIGTERM and SIGHUP end the server and the mount",
            arguments: [SIGINT, SIGTERM, SIGHUP])
        func signals(signal: CInt) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let mount = try Mount(package.path, in: folder)
                try run(["cat", mount("notes.txt")])
                kill(mount.server, signal)
                try mount.waitForEnd()
                #expect(folder.mountPoints().isEmpty)
            }
        }

        @Test("C5: a signal while a reader is at work ends both")
        func signalUnderLoad() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let mount = try Mount(package.path, in: folder)
                try shell(
                    """
                    (while cat "$1"; do :; done) > /dev/null 2>&1 &
                    sleep 0.2; kill -TERM "$2"; wait
                    """, mount(StandardPackage.first), "\(mount.server)", limit: 20)
                try mount.waitForEnd()
            }
        }

        @Test("C6: -f stays in the foreground and ends with 0 when unmounted")
        func foreground() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                let unmount = EndToEnd.isRoot ? "umount" : "fusermount3 -u"
                try shell(
                    """
                    "$1" mount -f "$2" "$3" & server=$!
                    for try in $(seq 200); do mountpoint -q "$3" && break; sleep 0.05; done
                    cat "$3/notes.txt"
                    \(unmount) "$3"
                    wait $server
                    """, try Ovafs.path(), package.path, point, limit: 30)
                try wait(for: "the server's end") { folder.processes().isEmpty }
            }
        }

        @Test("C5: a mount that is busy stays usable when its unmounting is refused")
        func busy() throws {
            try withStandardMount { package, mount, _ in
                let file = try PosixFile(mount(StandardPackage.second))
                #expect(throws: CommandFailure.self) { try EndToEndTests.unmount(mount.point) }
                let reference = try PosixFile(package.secondReference)
                #expect(try file.read(70_000, at: 0) == reference.read(70_000, at: 0))
            }
        }
    }
}
