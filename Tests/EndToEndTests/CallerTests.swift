// What a mount keeps of its caller, and what becomes of it when the caller goes away: SEMANTICS C1 and C2.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite struct CallerTests {
        @Test(
            "C1: the server keeps no descriptor of its caller: a lock, a pipe of $(…), a coprocess, make's jobserver",
            arguments: [
                // flock holds its lock by a descriptor that its command has, too.
                "flock --nonblock lock \"$1\" mount \"$2\" \"$3\"; flock --nonblock lock true",
                // The shell reads until every copy of the pipe is closed.
                "x=$(exec 5>&1; \"$1\" mount \"$2\" \"$3\"); y=$(\"$1\" unmount \"$3\" 7>&1; \"$1\" mount \"$2\" \"$3\" 9>&1)",
                "printf 'all:\\n\\t+@\"%s\" mount \"%s\" \"%s\"\\n' \"$@\" > Makefile; make -j2 | cat",
                "{ \"$1\" mount \"$2\" \"$3\" 3>&1 63>&1; } | cat",
            ])
        func descriptors(script: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                try shell(
                    script, try Ovafs.path(), package.path, point, in: folder.url, limit: 20)
                let server = try #require(folder.servers().first)
                // What it serves with: the source and the kernel's device. All else would be its caller's.
                let known = ["/dev/null", "/dev/fuse", package.path]
                var foreign: [String] = []
                // It may still be about to close what it told the command by.
                try wait(for: "all but two of its other descriptors to be closed") {
                    let names = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(server)/fd")
                    let targets = names.compactMap {
                        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(server)/fd/\($0)")
                    }
                    try #require(!targets.isEmpty)
                    foreign = targets.filter { !known.contains($0) && !$0.hasPrefix("anon_inode:") }
                    // The sockets by which 'ovafs unmount' learns who it is, and to its broker.
                    return foreign.count <= 2
                }
                #expect(foreign.allSatisfy { $0.hasPrefix("socket:") }, "\(foreign)")
                try run([try Ovafs.path(), "unmount", point])
                try wait(for: "the server's end") { folder.processes().isEmpty }
            }
        }

        @Test("C1: a mount made in a terminal outlives it")
        func closedTerminal() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                let command = "'\(try Ovafs.path())' mount '\(package.path)' '\(point)'"
                try run(["script", "--quiet", "--return", "--command", command, "/dev/null"])
                try run(["cmp", point + "/" + StandardPackage.second, package.secondReference])
                try run([try Ovafs.path(), "unmount", point])
                try wait(for: "the server's end") { folder.processes().isEmpty }
            }
        }

        @Test("C6: in the background of a terminal that stops who writes to it, -f serves on")
        func terminalThatStops() throws {
            try withTestFolder { folder in
                let image = try DamagedImage(in: folder)
                let point = try folder.makeFolder("mnt")
                let job = try folder.write(
                    """
                    stty tostop
                    "$OVAFS" mount -f damaged.vmdk mnt &
                    for try in $(seq 500); do mountpoint -q mnt && break; sleep 0.02; done
                    cat mnt/damaged.raw > /dev/null && exit 9
                    cat mnt/.ova/stats.json > stats.json
                    "$OVAFS" unmount mnt
                    wait
                    """, to: "job.sh")
                #expect(image.path == folder("damaged.vmdk") && point == folder("mnt"))
                try shell(
                    """
                    OVAFS=$1 timeout --kill-after=1 20 script --quiet --return --command "bash -m '$2'" /dev/null \
                        < /dev/null > terminal.txt
                    """, try Ovafs.path(), job, in: folder.url)
                let text = try String(contentsOfFile: folder("terminal.txt"), encoding: .utf8)
                #expect(text.contains("grain"), "the server writes to the terminal: \(text)")
                #expect(FileManager.default.fileExists(atPath: folder("stats.json")))
                try wait(for: "the server's end") { folder.processes().isEmpty }
            }
        }

        /// A package on a mount whose server stands still: who opens it waits until that goes on.
        private struct SlowSource {
            let path: String
            let outer: Mount
            /// The server that stands still, and its broker.
            private let own: [pid_t]

            init(in folder: TestFolder) throws {
                let package = try StandardPackage(in: folder)
                try shell("cd $1; tar --create --file outer.ova appliance.ova", folder.path)
                outer = try Mount(folder("outer.ova"), in: folder, on: "outer", options: "lenient")
                path = outer("appliance.ova")
                try run(["cmp", path, package.path])
                own = folder.processes()
                kill(outer.server, SIGSTOP)
            }

            func goOn() { kill(outer.server, SIGCONT) }

            /// The processes of `folder` besides the one that stands still, and its broker.
            func others(_ folder: TestFolder) -> [pid_t] { folder.processes().filter { !own.contains($0) } }
        }

        @Test(
            "C2: when the waiting command is ended, neither a mount nor a process remains",
            arguments: ["KILL", "TERM", "INT", "HUP"])
        func endedWhileWaiting(signal: String) throws {
            try withTestFolder { folder in
                let source = try SlowSource(in: folder)
                let point = try folder.makeFolder("mnt")
                // A shell without job control lets the programs in its background ignore SIGINT.
                try shell(
                    """
                    set -m
                    "$1" mount "$2" "$3" & command=$!
                    for try in $(seq 500); do
                        pgrep --parent $command > /dev/null && break; sleep 0.01
                    done
                    pgrep --parent $command > /dev/null
                    kill -\(signal) $command
                    code=0; wait $command || code=$?
                    test $code -gt 128
                    """, try Ovafs.path(), source.path, point, limit: 30)
                try wait(for: "the server's end, before the source answers") { source.others(folder).isEmpty }
                source.goOn()
                #expect(folder.mountPoints() == [source.outer.point])
                try source.outer.unmount()
            }
        }

        @Test("C2: timeout ends a mount that takes too long, with nothing left behind")
        func timeout() throws {
            try withTestFolder { folder in
                let source = try SlowSource(in: folder)
                let point = try folder.makeFolder("mnt")
                let result = try attempt(["timeout", "1", try Ovafs.path(), "mount", source.path, point])
                #expect(result.exitCode == 124)
                try wait(for: "the server's end, before the source answers") { source.others(folder).isEmpty }
                source.goOn()
                #expect(folder.mountPoints() == [source.outer.point])
                try source.outer.unmount()
            }
        }

        @Test("C2: a mount whose command is killed before it could say so is taken away")
        func endedBeforeAnswering() throws {
            try withTestFolder { folder in
                let source = try SlowSource(in: folder)
                let point = try folder.makeFolder("mnt")
                // The command stands still while its server mounts, and ends without having read of it.
                try shell(
                    """
                    "$1" mount "$2" "$3" & command=$!
                    for try in $(seq 500); do
                        pgrep --parent $command > /dev/null && break; sleep 0.01
                    done
                    kill -STOP $command; kill -CONT $4
                    for try in $(seq 500); do mountpoint -q "$3" && break; sleep 0.02; done
                    mountpoint -q "$3"
                    kill -KILL $command
                    """, try Ovafs.path(), source.path, point, "\(source.outer.server)", limit: 30)
                try wait(for: "the server's end") { source.others(folder).isEmpty }
                #expect(folder.mountPoints() == [source.outer.point])
                try source.outer.unmount()
            }
        }

        @Test("C2 C3: a caller that ignores the ends of its children gets the exit code all the same")
        func ignoredChildren() throws {
            try withTestFolder { folder in
                let point = try folder.makeFolder("mnt")
                let result = try attempt(
                    ["env", "--ignore-signal=CHLD", try Ovafs.path(), "mount", folder("absent.ova"), point])
                #expect(result.exitCode == 3, "\(result.standardError)")
            }
        }

        @Test("C5: a server that was started where SIGINT and SIGHUP are ignored ends by them")
        func ignoredSignals() throws {
            for signal in [SIGINT, SIGHUP, SIGTERM] {
                try withTestFolder { folder in
                    let package = try StandardPackage(in: folder)
                    let point = try folder.makeFolder("mnt")
                    try run(
                        ["env", "--ignore-signal", try Ovafs.path(), "mount", package.path, point])
                    kill(try #require(folder.servers().first), signal)
                    try wait(for: "the server's end") { folder.processes().isEmpty }
                    #expect(folder.mountPoints().isEmpty)
                }
            }
        }
    }
}
