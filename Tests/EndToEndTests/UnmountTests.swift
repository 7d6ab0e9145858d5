// `ovafs unmount`, and mounts that the system refuses: SEMANTICS C4 and C13.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite struct UnmountTests {
        @Test(
            "C13: ovafs unmount unmounts, by any name of the folder",
            arguments: ["mnt", "./mnt/", "link", "mnt/../mnt"])
        func unmounting(name: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let mount = try Mount(package.path, in: folder)
                try FileManager.default.createSymbolicLink(
                    atPath: folder("link"), withDestinationPath: mount.point)
                let result = try run([try Ovafs.path(), "unmount", name], in: folder.url)
                #expect(result.text.isEmpty && result.standardError.isEmpty)
                try mount.waitForEnd()
            }
        }

        @Test("C13: a folder whose name has spaces and line ends")
        func oddName() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("a b\\c\n d")
                try run([try Ovafs.path(), "mount", package.path, point])
                try run([try Ovafs.path(), "unmount", point])
                try wait(for: "the server's end") { folder.processes().isEmpty }
                #expect(try FileManager.default.contentsOfDirectory(atPath: point).isEmpty)
            }
        }

        @Test(
            "C13: a mount that is in use stays, and --lazy takes it away all the same",
            arguments: ["-l", "--lazy"])
        func busy(flag: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let mount = try Mount(package.path, in: folder)
                do {
                    let file = try PosixFile(mount("notes.txt"))
                    let refused = try Ovafs.attempt("unmount", mount.point)
                    #expect(refused.exitCode == 4)
                    #expect(refused.standardError.contains("--lazy"), "\(refused.standardError)")
                    #expect(refused.standardError.contains("losetup -a"), "\(refused.standardError)")
                    #expect(try file.read(2, at: 0) == Array("A ".utf8))
                    try run([try Ovafs.path(), "unmount", flag, mount.point])
                    #expect(folder.mountPoints().isEmpty)
                    #expect(try file.read(2, at: 0) == Array("A ".utf8))
                }
                try mount.waitForEnd()
            }
        }

        @Test(
            "C13 C4: a mount over a mount is warned of, and the source in the folder's place says where it is"
        )
        func covered() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let first = try Mount(package.path, in: folder)
                #expect(first.messages.isEmpty, "\(first.messages)")
                let second = try Mount(package.path, in: folder)
                #expect(
                    second.messages.contains(
                        "a mount of \(package.path) is there already and is hidden now"),
                    "\(second.messages)")
                let refused = try Ovafs.attempt("unmount", package.path)
                #expect(refused.exitCode == 4)
                #expect(
                    refused.standardError.contains("it is mounted on \(first.point): name"),
                    "\(refused.standardError)")
                for _ in 1...2 { try run([try Ovafs.path(), "unmount", first.point]) }
                try wait(for: "the servers' end") { folder.processes().isEmpty }
            }
        }

        @Test("C13: a source that is mounted in one place is unmounted by its name, and in several by none")
        func bySource() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let mount = try Mount(package.path, in: folder)
                let other = try Mount(package.path, in: folder, on: "other")
                let refused = try Ovafs.attempt("unmount", package.path)
                #expect(refused.exitCode == 4)
                #expect(refused.standardError.contains(mount.point), "\(refused.standardError)")
                #expect(refused.standardError.contains(other.point), "\(refused.standardError)")
                try run([try Ovafs.path(), "unmount", other.point])
                try other.waitForEnd()
                #expect(folder.mountPoints() == [mount.point])
                try run([try Ovafs.path(), "unmount", "appliance.ova"], in: folder.url)
                try mount.waitForEnd()
                let absent = try Ovafs.attempt("unmount", package.path)
                #expect(absent.exitCode == 4)
                #expect(absent.standardError.contains("nothing is mounted on it"), "\(absent.standardError)")
            }
        }

        @Test("C13: what a killed server has left is named where it is mounted on, and is unmounted")
        func dead() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let mount = try Mount(package.path, in: folder)
                kill(mount.server, SIGKILL)
                try wait(for: "the server's end") { folder.processes().isEmpty }
                let refused = try Ovafs.attempt("mount", package.path, mount.point)
                #expect(refused.exitCode == 4)
                #expect(refused.standardError.contains("ovafs unmount"), "\(refused.standardError)")
                try run([try Ovafs.path(), "unmount", mount.point])
                #expect(folder.mountPoints().isEmpty)
            }
        }

        @Test("C13: when ovafs unmount has returned the server has ended, also where that took it a while")
        func serverEnds() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let mount = try Mount(package.path, in: folder)
                kill(mount.server, SIGSTOP)
                try shell("(sleep 1; kill -CONT $1) > /dev/null 2>&1 &", String(mount.server))
                let result = try run([try Ovafs.path(), "unmount", mount.point])
                // One that was not waited for by its parent yet has no command line.
                #expect(folder.processes().isEmpty)
                #expect(result.standardError.isEmpty)
            }
        }

        @Test("C13: attempts that found the mount busy do not keep the last one from waiting")
        func serverEndsAfterBusyAttempts() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let mount = try Mount(package.path, in: folder)
                do {
                    let file = try PosixFile(mount("notes.txt"))
                    for _ in 0..<20 {
                        #expect(try Ovafs.attempt("unmount", mount.point).exitCode == 4)
                    }
                    withExtendedLifetime(file) {}
                }
                try shell("sleep 1")
                kill(mount.server, SIGSTOP)
                try shell("(sleep 1; kill -CONT $1) > /dev/null 2>&1 &", String(mount.server))
                let result = try run([try Ovafs.path(), "unmount", mount.point])
                #expect(folder.processes().isEmpty)
                #expect(result.standardError.isEmpty)
            }
        }

        @Test("C13: a server that does not end is named, and the mount is gone")
        func serverStays() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let mount = try Mount(package.path, in: folder)
                kill(mount.server, SIGSTOP)
                defer { kill(mount.server, SIGCONT) }
                let result = try Ovafs.attempt("unmount", mount.point)
                #expect(result.exitCode == 0)
                #expect(result.standardError.split(separator: "\n").count == 1, "\(result.standardError)")
                #expect(
                    result.standardError.contains("process \(mount.server), has not ended"),
                    "\(result.standardError)")
                #expect(folder.mountPoints().isEmpty)
            }
        }

        @Test(
            "C13: a server whose mount is on another folder, too, is not waited for, nor with --lazy",
            .enabled(if: EndToEnd.isRoot, "needs root to mount a folder on another"))
        func serverGoesOn() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let mount = try Mount(package.path, in: folder)
                let other = try folder.makeFolder("other")
                try run(["mount", "--bind", mount.point, other])
                for (flags, point) in [([], mount.point), (["--lazy"], other)] {
                    let file = try flags.isEmpty ? nil : PosixFile(other + "/notes.txt")
                    let result = try attempt([try Ovafs.path(), "unmount"] + flags + [point])
                    #expect(result.exitCode == 0 && result.standardError.isEmpty, "\(result.standardError)")
                    #expect(folder.servers() == [mount.server])
                    withExtendedLifetime(file) {}
                }
                try mount.waitForEnd()
            }
        }

        @Test(
            "C13 C3: what is no mount of ovafs is left alone",
            arguments: [
                (["unmount", "/proc"], 4, "proc"), (["unmount", "FOLDER"], 4, "nothing is mounted"),
                (["unmount", "FOLDER/absent"], 4, "absent"), (["unmount"], 2, "directory"),
                (["unmount", "--frob", "FOLDER"], 2, "ovafs unmount --help"),
            ])
        func refusals(arguments: [String], exitCode: Int32, words: String) throws {
            try withTestFolder { folder in
                let result = try attempt(
                    [try Ovafs.path()] + arguments.map { $0.replacing("FOLDER", with: folder.path) })
                #expect(result.exitCode == exitCode)
                #expect(result.standardError.contains(words), "\(result.standardError)")
                #expect(result.standardError.split(separator: "\n").count == 1)
                #expect(FileManager.default.fileExists(atPath: "/proc/self"))
            }
        }

        @Test(
            "C13: what another test does as an ordinary user keeps no copy of a mount, and so no server",
            .enabled(if: EndToEnd.isRoot, "needs root to be another user"))
        func copies() throws {
            try withStandardMount { package, mount, _ in
                try run(["mountpoint", "--quiet", mount.point])
                try OrdinaryUser().run("! grep -F fuse.ova /proc/self/mountinfo", source: package.path)
            }
        }

        @Test(
            "C13: an ordinary user mounts and unmounts, and not what is another's",
            .enabled(if: EndToEnd.isRoot, "needs root to be another user"))
        func ordinaryUser() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let result = try OrdinaryUser(
                    preparation: "mkdir roots; /mnt/ovafs mount /mnt/source roots -o allow_other"
                ).run(
                    """
                    ovafs mount "$SOURCE" mnt
                    cat mnt/notes.txt
                    ovafs unmount mnt
                    ! grep home/mnt /proc/mounts
                    ovafs unmount roots 2>&1 && exit 9
                    grep -q home/roots /proc/mounts
                    """, source: package.path)
                #expect(result.lines.first == "A note.")
                #expect(
                    result.lines.last
                        == "ovafs: cannot unmount roots: it was mounted by root: only root can unmount it",
                    "\(result.text)")
                #expect(result.lines.count == 2)
            }
        }

        @Test(
            "C4: a mount that the system refuses an ordinary user has one line with its cause and what helps",
            .enabled(if: EndToEnd.isRoot, "needs root to be another user"),
            arguments: [
                (":", "mnt -o allow_other", "user_allow_other"),
                (":", "/usr", "write access"),
                ("chmod 600 /dev/fuse", "mnt", "chmod 666 /dev/fuse"),
                ("mount -t tmpfs tmpfs /dev", "mnt", "modprobe fuse"),
                ("touch f; mount --bind f /usr/bin/fusermount3", "mnt", "fuse3"),
                ("mount -t tmpfs tmpfs mnt", "mnt", "directory"),
            ])
        func causes(preparation: String, arguments: String, words: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let result = try OrdinaryUser(preparation: preparation).attempt(
                    "ovafs mount \"$SOURCE\" \(arguments)", source: package.path)
                #expect(result.exitCode == 4)
                #expect(result.standardError.hasPrefix("ovafs: cannot mount on /"), "\(result.standardError)")
                #expect(result.standardError.contains(words), "\(result.standardError)")
                #expect(result.standardError.split(separator: "\n").count == 1, "\(result.standardError)")
            }
        }

        @Test("F1: the source of a mount is an absolute path, wherever it was mounted from")
        func absoluteSource() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try folder.makeFolder("mnt")
                for source in ["appliance.ova", "./mnt/../appliance.ova"] {
                    try run([try Ovafs.path(), "mount", source, "mnt"], in: folder.url)
                    let shown = try run(["findmnt", "--noheadings", "--output=SOURCE", folder("mnt")]).text
                    #expect(shown == package.path)
                    try run([try Ovafs.path(), "unmount", "mnt"], in: folder.url)
                    try wait(for: "the server's end") { folder.processes().isEmpty }
                }
            }
        }
    }
}
