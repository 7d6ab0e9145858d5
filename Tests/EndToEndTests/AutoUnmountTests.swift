// The option auto_unmount: a mount goes with its server, whatever ends that.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite struct AutoUnmountTests {
        @Test(
            "O8: auto_unmount takes the mount away when the server is killed, and ends with the mount",
            arguments: ["auto_unmount", "auto_unmount,allow_other"])
        func autoUnmount(options: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                for end in [SIGKILL, SIGUSR1, SIGTERM] {
                    try run([try Ovafs.path(), "mount", package.path, point, "-o", options])
                    // Another process waits beside the server; only the server is killed.
                    let servers = folder.processes().filter { command($0)[1] == "mount" }
                    #expect(servers.count == 1 && folder.processes().count == 2)
                    kill(try #require(servers.first), end)
                    try wait(for: "the unmounting") {
                        folder.mountPoints().isEmpty && folder.processes().isEmpty
                    }
                }
                // A program that stands in the mount does not keep it there.
                try run([try Ovafs.path(), "mount", package.path, point, "-o", options])
                let file = try PosixFile(point + "/notes.txt")
                kill(try #require(folder.processes().first { command($0)[1] == "mount" }), SIGKILL)
                try wait(for: "the unmounting") { folder.mountPoints().isEmpty && folder.processes().isEmpty }
                // Open until here.
                _ = try? file.read(1, at: 0)
            }
        }

        @Test(
            "O8: auto_unmount works for ordinary users, with and without allow_other",
            .enabled(if: EndToEnd.isRoot, "needs root to be another user"),
            arguments: ["auto_unmount", "auto_unmount,allow_other"])
        func autoUnmountForUsers(options: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try OrdinaryUser(fuseConfiguration: "user_allow_other").run(
                    """
                    ovafs mount "$SOURCE" mnt -o \(options)
                    cmp mnt/notes.txt <(echo A note.)
                    kill -KILL $(pgrep --exact --full 'ovafs mount .*')
                    for try in $(seq 100); do
                        grep -q fuse.ova /proc/mounts || break; sleep 0.1
                    done
                    ! grep fuse.ova /proc/mounts
                    for try in $(seq 100); do pgrep --exact ovafs > /dev/null || break; sleep 0.1; done
                    ! pgrep --exact ovafs
                    """, source: package.path)
            }
        }

        @Test("O8: what was mounted at the same place meanwhile is not taken away")
        func autoUnmountOfAnother() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                try run([try Ovafs.path(), "mount", package.path, point, "-o", "auto_unmount"])
                let first = try #require(folder.servers().first)
                let watcher = try #require(folder.processes().first { command($0)[1] != "mount" })
                kill(watcher, SIGSTOP)
                kill(first, SIGKILL)
                try run([try Ovafs.path(), "unmount", point])
                let other = try Mount(package.path, in: folder)
                kill(watcher, SIGCONT)
                try wait(for: "the watcher's end") { !folder.processes().contains(watcher) }
                try run(["cmp", other(StandardPackage.second), package.secondReference])
                try other.unmount()
            }
        }

        @Test("O8: a mount goes on when the process that made it is killed, and is unmounted as any other")
        func killedBroker() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let mount = try Mount(package.path, in: folder)
                let broker = try #require(folder.processes().first { $0 != mount.server })
                kill(broker, SIGKILL)
                try run(["cmp", mount(StandardPackage.second), package.secondReference])
                try mount.unmount()
                // What a signal ends stays without it, dead.
                let other = try Mount(package.path, in: folder, on: "other")
                kill(try #require(folder.processes().first { $0 != other.server }), SIGKILL)
                kill(other.server, SIGTERM)
                try wait(for: "the server's end") { folder.processes().isEmpty }
                #expect(folder.mountPoints() == [other.point])
                try run([try Ovafs.path(), "unmount", other.point])
                #expect(folder.mountPoints().isEmpty)
            }
        }

        /// The arguments of a process.
        private func command(_ process: pid_t) -> [String] {
            let line = (try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(process)/cmdline"))) ?? Data()
            return String(decoding: line, as: UTF8.self).components(separatedBy: "\0") + ["", ""]
        }
    }
}
