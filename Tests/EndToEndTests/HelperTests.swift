// mount.ova, mount(8), fstab and the installation: SEMANTICS C7 and C9.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    @Suite struct HelperTests {
        /// Installs the program that is tested, in a folder of the test, by the project's own `make install`.
        private func install(in folder: TestFolder) throws -> String {
            let root = folder("root")
            try make("install", root: root)
            return root
        }

        private func make(_ goal: String, root: String, _ variables: String...) throws {
            try run(
                [
                    "make", "--silent", "-C", Ovafs.sourceTree.path, goal, "DESTDIR=\(root)",
                    "BINARY=\(try Ovafs.path())",
                ] + variables)
        }

        /// The installed helper, which names the program at its place without DESTDIR, made to name it within.
        private func helper(root: String) throws -> String {
            let helper = root + "/sbin/mount.ova"
            try shell("sed -i \"s|^installed_ovafs=|&$1|\" $2", root, helper)
            return helper
        }

        @Test("C7: mount.ova called by hand mounts, with options of fstab, and refuses what it does not know")
        func byHand() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let helper = try helper(root: install(in: folder))
                let point = try folder.makeFolder("mnt")
                try run([helper, package.path, point, "-sn", "-o", "rw,noauto,user,uid=12", "-t", "fuse.ova"])
                try run(["cmp", point + "/" + StandardPackage.second, package.secondReference])
                #expect(try run(["stat", "--format=%u", point]).text == "12")
                try unmount(point)
                try wait(for: "the server's end") { folder.processes().isEmpty }
                // Paths are those of the working directory, whatever namespace is mounted in.
                try shell(
                    "cd \"$1\"; ln -s \"$2\" near.ova; \"$3\" -N $$ near.ova mnt", folder.url.path,
                    package.path,
                    helper)
                try run(["cmp", point + "/" + StandardPackage.second, package.secondReference])
                try unmount(point)
                try wait(for: "the server's end") { folder.processes().isEmpty }

                for (arguments, exitCode, words): ([String], Int32, String) in [
                    ([package.path, point, "-q"], 1, "-q"),
                    ([package.path], 1, "directory"),
                    ([package.path, point, point], 1, point),
                    ([package.path, point, "-o"], 1, "-o"),
                    ([package.path, folder("absent")], 32, "make it first, or use -o X-mount.mkdir"),
                    ([package.path, point, "-o", "ro,frobnicate"], 1, "frobnicate"),
                    ([package.path, point, "-w"], 1, "rw"),
                    ([folder("absent.ova"), point], 32, "absent.ova"),
                    ([package.members + "/../content", point], 32, "content"),
                    ([package.path, point, "-f"], 0, ""),
                    ([package.path, point, "-f", "-o", "ro,frobnicate"], 1, "frobnicate"),
                    ([package.path, point, "-f", "-o", "threads=none"], 1, "threads"),
                    ([package.path, folder("absent"), "-f"], 32, "absent"),
                    (["", point], 1, "source is empty"),
                    ([package.path, point, "-o", "remount"], 1, "unmount it"),
                    ([package.path, folder("absent"), "-f", "-o", "ro,X-mount.mkdir=700"], 0, ""),
                ] {
                    let result = try attempt([helper] + arguments)
                    #expect(result.exitCode == exitCode, "\(arguments): \(result.standardError)")
                    #expect(words.isEmpty || result.standardError.contains(words), "\(result.standardError)")
                    #expect(folder.mountPoints().isEmpty)
                    #expect(!FileManager.default.fileExists(atPath: folder("absent")))
                }
            }
        }

        @Test(
            "C7: mount -t ova and a line of fstab mount, and umount ends it",
            .enabled(if: EndToEnd.isRoot, "mount(8) needs root"),
            .disabled(
                if: FileManager.default.fileExists(atPath: "/sbin/mount.ova"),
                "/sbin/mount.ova is there already and must not be replaced"))
        func mountCommand() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                // mount(8) looks in /sbin and nowhere else.
                try run(["cp", try helper(root: install(in: folder)), "/sbin/mount.ova"])
                defer { try? FileManager.default.removeItem(atPath: "/sbin/mount.ova") }

                try run(["ln", "-s", "mount.ova", "/sbin/mount.fuse.ova"])
                defer { try? FileManager.default.removeItem(atPath: "/sbin/mount.fuse.ova") }

                try run(["mount", "-t", "fuse.ova", package.path, point, "-o", "users,exec"])
                try run(["cmp", point + "/" + StandardPackage.second, package.secondReference])
                let words = try run(["findmnt", "--noheadings", "--output=OPTIONS", point]).text
                #expect(!words.contains("noexec") && words.contains("nosuid"))
                try run(["umount", point])
                try wait(for: "the server's end") { folder.processes().isEmpty }

                let made = folder("made/by mount")
                try run(["mount", "-t", "ova", package.path, made, "-o", "X-mount.mkdir=0711"])
                try run(["cmp", made + "/" + StandardPackage.second, package.secondReference])
                try run(["umount", made])
                #expect(try run(["stat", "--format=%a", made]).text == "711")
                try wait(for: "the server's end") { folder.processes().isEmpty }

                try run(["mount", "-t", "ova", package.path, point, "-o", "ctldir=visible,nosuid"])
                try run(["cmp", point + "/" + StandardPackage.second, package.secondReference])
                #expect(try run(["ls", "-A", point]).lines.contains(".ova"))
                try run(["umount", point])
                try wait(for: "the server's end") { folder.processes().isEmpty }

                let table = try folder.write(
                    "\(package.path) \(point) ova noauto,user,ro,uid=12 0 0\n", to: "fstab")
                try run(["mount", "--fstab", table, point])
                #expect(try run(["stat", "--format=%u", point + "/notes.txt"]).text == "12")
                #expect(try run(["findmnt", "--noheadings", "--output=FSTYPE", point]).text == "fuse.ova")
                try run(["umount", point])
                try wait(for: "the server's end") { folder.processes().isEmpty }

                let failed = try attempt(["mount", "-t", "ova", folder("absent.ova"), point])
                #expect(failed.exitCode == 32)
                #expect(failed.standardError.contains("absent.ova"))
                #expect(failed.standardError.contains("No such file"))
            }
        }

        @Test("C9: make install puts each file at its place, and make uninstall takes precisely those away")
        func installation() throws {
            try withTestFolder { folder in
                let root = try install(in: folder)
                let files = try shell("cd $1; find . ! -type d | sort", root).lines
                #expect(
                    files == [
                        "./sbin/mount.fuse.ova", "./sbin/mount.glance", "./sbin/mount.ova",
                        "./usr/local/bin/ovafs",
                        "./usr/local/share/bash-completion/completions/ovafs",
                        "./usr/local/share/fish/vendor_completions.d/ovafs.fish",
                        "./usr/local/share/man/man1/ovafs.1", "./usr/local/share/man/man5/ovafs-formats.5",
                        "./usr/local/share/man/man8/mount.ova.8",
                        "./usr/local/share/zsh/site-functions/_ovafs",
                    ])
                #expect(try run([root + "/usr/local/bin/ovafs", "--version"]).exitCode == 0)
                try run(["bash", "-n", root + "/usr/local/share/bash-completion/completions/ovafs"])
                try folder.write("someone else's\n", to: "root/usr/local/bin/other")
                try make("uninstall", root: root)
                #expect(try shell("cd $1; find . ! -type d", root).lines == ["./usr/local/bin/other"])
            }
        }

        @Test("C9: folders may have spaces and other odd letters in their names")
        func oddPrefix() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let root = try folder.makeFolder("a root")
                let variables = ["PREFIX=/opt/my programs & more|\\1", "MOUNT_HELPER_DIR=/s bin"]
                try make("install", root: root, variables[0], variables[1])
                let helper = root + "/s bin/mount.ova"
                #expect(
                    try run(["grep", "^installed_ovafs=", helper]).text
                        == "installed_ovafs='/opt/my programs & more|\\1/bin/ovafs'")
                try shell("sed -i \"s|^installed_ovafs=|&'$1'|\" \"$2\"", root, helper)
                let point = try folder.makeFolder("mnt")
                try run([root + "/s bin/mount.fuse.ova", package.path, point])
                try run(["cmp", point + "/" + StandardPackage.second, package.secondReference])
                try unmount(point)
                try wait(for: "the server's end") { folder.processes().isEmpty }
                try make("uninstall", root: root, variables[0], variables[1])
                #expect(try shell("cd \"$1\"; find . ! -type d", root).lines.isEmpty)
            }
        }

        @Test(
            "C9: the manual pages have no warnings",
            arguments: ["docs/ovafs.1", "docs/ovafs-formats.5", "docs/mount.ova.8"])
        func manualPages(page: String) throws {
            let path = Ovafs.sourceTree.appendingPathComponent(page).path
            let result = try run(["groff", "-mandoc", "-ww", "-z", "-Tutf8", path])
            #expect(result.standardError.isEmpty, "\(result.standardError)")
            let lint = try attempt(["mandoc", "-Tlint", "-Wwarning", path])
            #expect(lint.exitCode == 0 && lint.text.isEmpty, "\(lint.text)\(lint.standardError)")
        }
    }
}
