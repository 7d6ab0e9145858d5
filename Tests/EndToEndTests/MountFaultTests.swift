// What befalls a source, a server or its readers while a package is mounted: docs/SECURITY.md, "Faults while mounted".
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct MountFaultTests {
        /// Mounts the standard package from a file system of the test's own.
        private func withFaultySource(
            _ body: (StandardPackage, Mount, FaultySource) throws -> Void
        ) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: package.path)))
                let source = FaultySource(MemorySource(bytes))
                let served = try GatedFolder(of: package.path, in: folder, as: source)
                defer { served.end() }
                let mount = try Mount(served("appliance.ova"), in: folder, options: "cache=none")
                defer {
                    source.become(.well)
                    kill(mount.server, SIGTERM)
                    try? mount.waitForEnd()
                }
                try body(package, mount, source)
            }
        }

        @Test(
            "F8 F14: a source with a bad disk answers EIO, what is known goes on, and it does when the disk is well"
        )
        func badDisk() throws {
            try withFaultySource { package, mount, source in
                let first = try PosixFile(mount(StandardPackage.first))
                let reference = try PosixFile(package.firstReference)
                let known = 1 << 20
                #expect(try first.read(4096, at: known) == reference.read(4096, at: known))
                source.become(.failing)
                // The second disk was not read before; of the first, this cluster is in memory.
                let second = Result { () throws(SystemCallError) in
                    try PosixFile(mount(StandardPackage.second)).read(4096, at: 1 << 20)
                }
                #expect(second == .failure(SystemCallError(call: "pread", errno: EIO)))
                #expect(try first.read(4096, at: known) == reference.read(4096, at: known))
                #expect(
                    try FileManager.default.contentsOfDirectory(atPath: mount.point).contains("notes.txt"))
                source.become(.well)
                try run(["cmp", mount(StandardPackage.first), package.firstReference])
                try run(["cmp", mount(StandardPackage.second), package.secondReference])
            }
        }

        @Test(
            "F14: where each read of the source takes half a second, readers get their bytes, and names come meanwhile"
        )
        func slowDisk() throws {
            try withFaultySource { package, mount, source in
                let first = try PosixFile(mount(StandardPackage.first))
                let reference = try PosixFile(package.firstReference)
                #expect(try first.read(4096, at: 0) == reference.read(4096, at: 0))
                source.become(.slow)
                let offsets = [2 << 20, 3 << 20, 5 << 20]
                let ended = Atomic<Int>(0)
                let right = Atomic<Int>(0)
                let start = MonotonicClock.now
                let readers = try offsets.map { offset in
                    try WorkerThread {
                        let file = try? PosixFile(mount(StandardPackage.first))
                        let reference = try? PosixFile(package.firstReference)
                        let found = try? file?.read(4096, at: offset)
                        if found != nil, found == (try? reference?.read(4096, at: offset)) {
                            right.add(1, ordering: .sequentiallyConsistent)
                        }
                        ended.add(1, ordering: .sequentiallyConsistent)
                    }
                }
                // Asked for as long as they wait, and never kept waiting with them.
                var count = 0
                while ended.load(ordering: .sequentiallyConsistent) < readers.count, count < 10_000 {
                    #expect(try FileManager.default.contentsOfDirectory(atPath: mount.point).count >= 4)
                    #expect(try first.read(512, at: 0).count == 512)
                    count += 1
                }
                for reader in readers { reader.join() }
                #expect(right.load(ordering: .sequentiallyConsistent) == readers.count)
                #expect(MonotonicClock.now - start >= 0.5 && count > 1)
            }
        }

        @Test("F14 C12: thousands of opens take nothing of the server, and each of them reads")
        func opens() throws {
            try withStandardMount { package, mount, _ in
                var limit = rlimit()
                unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                var usual = limit
                limit.rlim_cur = min(limit.rlim_max, 8_192)
                unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                defer { unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &usual) }
                let count = min(3_000, Int(limit.rlim_cur) - 300)
                try #require(count >= 500)
                // A server in its sandbox shows them to root alone.
                func descriptorCount() throws -> Int {
                    guard EndToEnd.isRoot else { return 0 }
                    return try FileManager.default.contentsOfDirectory(atPath: "/proc/\(mount.server)/fd")
                        .count
                }
                try run(["cmp", mount(StandardPackage.second), package.secondReference])
                let before = try descriptorCount()
                let names = [StandardPackage.first, StandardPackage.second, "notes.txt", ".ova/info.json"]
                let wanted = try names.map { try PosixFile(mount($0)).read(16, at: 0) }
                let files = try (0..<count).map { try Opened(mount(names[$0 % names.count])) }
                for (number, opened) in files.enumerated() where number.isMultiple(of: 7) {
                    #expect(try opened.file.read(16, at: 0) == wanted[number % names.count])
                }
                #expect(try descriptorCount() <= before + 4)
            }
        }

        @Test(
            "F14 F10: a thousand readers of a source that is silent wait at once, hold up no name, and get their bytes"
        )
        func thousandReaders() throws {
            try SlowSourceTests.withSilentSource { package, mount, gated, _ in
                let name = ".ova/stored/appliance-disk1.vmdk"
                let stored = Array(
                    try Data(contentsOf: URL(fileURLWithPath: package.members + "/appliance-disk1.vmdk")))
                let places = stored.count / 512
                let right = Atomic<Int>(0)
                let file = try Opened(mount(name), isDirect: true)
                defer { gated.gate.open() }
                let readers = try (0..<1_000).map { number in
                    try WorkerThread {
                        let offset = number % places * 512
                        let wanted = Array(stored[offset..<(offset + 512)])
                        guard (try? file.file.readAligned(512, at: offset)) == wanted else { return }
                        right.add(1, ordering: .relaxed)
                    }
                }
                try wait(for: "a thousand readers") { try Statistics(of: mount).waitingReads >= 900 }
                try run(["ls", "-lR", mount.point])
                try run(["cmp", mount("appliance.ovf"), package.members + "/appliance.ovf"])
                gated.gate.open()
                for reader in readers { reader.join() }
                #expect(right.load(ordering: .relaxed) == 1_000)
            }
        }

        @Test(
            "C15: when the server is killed its readers are told, those that wait as well, and the mount can be taken away"
        )
        func killedServer() throws {
            try SlowSourceTests.withSilentSource { _, mount, _, _ in
                let file = try PosixFile(mount(StandardPackage.second))
                let waiting = try ChildProcess([
                    "/usr/bin/dd", "if=\(mount(".ova/stored/appliance-disk1.vmdk"))", "of=/dev/null", "bs=4k",
                    "count=1", "iflag=direct",
                ])
                try wait(for: "a waiting reader") { try Statistics(of: mount).waitingReads >= 1 }
                kill(mount.server, SIGKILL)
                #expect(ChildProcess.remaining([waiting], after: 20) == 0)
                let found = Result { () throws(SystemCallError) in try file.read(1 << 16, at: 6 << 20) }
                #expect(throws: SystemCallError.self) { try found.get() }
                #expect(openFailure(mount("notes.txt")) == ENOTCONN)
                try shell("umount -l \"$1\" || fusermount3 -u -z \"$1\"", mount.point)
            }
        }

        @Test("O8: a mount whose watcher is killed goes on, and is unmounted as any other")
        func killedWatcher() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                try run([try Ovafs.path(), "mount", package.path, point, "-o", "auto_unmount"])
                func isServer(_ process: pid_t) -> Bool {
                    let line = try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(process)/cmdline"))
                    return line?.split(separator: 0).dropFirst().first.map { Array($0) }
                        == Array("mount".utf8)
                }
                let processes = folder.processes()
                let watcher = try #require(processes.first { !isServer($0) })
                #expect(processes.count == 2)
                kill(watcher, SIGKILL)
                try wait(for: "the watcher's end") { folder.processes().count == 1 }
                try run(["cmp", point + "/" + StandardPackage.first, package.firstReference])
                try unmount(point)
                try wait(for: "the server's end") { folder.processes().isEmpty }
            }
        }

        @Test("C15: a reader of a server that is stopped can be killed, and all goes on when the server does")
        func stoppedServer() throws {
            try withStandardMount { package, mount, _ in
                try run(["ls", mount.point])
                kill(mount.server, SIGSTOP)
                defer { kill(mount.server, SIGCONT) }
                let readers = try [StandardPackage.first, StandardPackage.second].map { name in
                    try ChildProcess([
                        "/usr/bin/dd", "if=\(mount(name))", "of=/dev/null", "bs=64k", "count=1",
                        "iflag=direct",
                    ])
                }
                // It does not end by itself, however long that is looked at.
                #expect(ChildProcess.remaining(readers, after: 0.3) == 2)
                for reader in readers { kill(reader.process, SIGKILL) }
                #expect(ChildProcess.remaining(readers, after: 10) == 0)
                kill(mount.server, SIGCONT)
                try run(["cmp", mount(StandardPackage.first), package.firstReference])
            }
        }

        /// A file that several threads read.
        private final class Opened: Sendable {
            let file: PosixFile

            init(_ path: String, isDirect: Bool = false) throws {
                file = try PosixFile(path, flags: O_RDONLY | (isDirect ? PosixFile.direct : 0))
            }
        }
    }
}
