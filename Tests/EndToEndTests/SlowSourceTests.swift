// A source that does not answer: SEMANTICS, "Files" and "Commands and the life of a mount".
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct SlowSourceTests {
        /// What waits for nothing takes less, in seconds; much more than it takes, for machines that are busy.
        private static let limit = 3.0

        /// Mounts the standard package from a folder that the test serves, reads the first disk and the descriptor, and
        /// closes the gate.
        static func withSilentSource(
            _ body: (StandardPackage, Mount, GatedFolder, TestFolder) throws -> Void
        ) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let gated = try GatedFolder(of: package.path, in: folder)
                defer { gated.end() }
                let mount = try Mount(gated("appliance.ova"), in: folder)
                try run([
                    "dd", "if=\(mount(StandardPackage.second))", "of=/dev/null", "bs=64k", "iflag=direct",
                ])
                try run(["cat", mount("appliance.ovf")])
                try run(["stat", mount(StandardPackage.first), mount(StandardPackage.second)])
                gated.gate.close()
                // The source cannot be unmounted while the server has it open.
                defer {
                    gated.gate.open()
                    kill(mount.server, SIGTERM)
                    try? mount.waitForEnd()
                }
                try body(package, mount, gated, folder)
            }
        }

        /// Readers of a stored disk, of which nothing was read, past the page cache and through it.
        private func startReaders(_ count: Int, of mount: Mount) throws -> [ChildProcess] {
            let path = mount(".ova/stored/appliance-disk1.vmdk")
            return try (0..<count).map { number in
                number.isMultiple(of: 2)
                    ? try ChildProcess([
                        "/usr/bin/dd", "if=\(path)", "of=/dev/null", "bs=64k", "count=1",
                        "skip=\(number % 8)",
                        "iflag=direct",
                    ])
                    : try ChildProcess(["/usr/bin/tail", "--bytes=+\((number << 13) + 1)", path])
            }
        }

        private func timed(_ body: () throws -> Void) rethrows {
            let start = MonotonicClock.now
            try body()
            #expect(MonotonicClock.now - start < Self.limit)
        }

        @Test(
            "F14: while 64 readers wait for the source, what is near is served, and the readers can be killed"
        )
        func readers() throws {
            try Self.withSilentSource { package, mount, gated, _ in
                var readers = try startReaders(64, of: mount)
                defer {
                    gated.gate.open()
                    for reader in readers { kill(reader.process, SIGKILL) }
                    #expect(ChildProcess.remaining(readers, after: 20) == 0)
                }
                try wait(for: "waiting readers") { try Statistics(of: mount).waitingReads >= 32 }
                try timed { try run(["ls", "-lR", mount.point]) }
                try timed { try run(["stat", mount(StandardPackage.first), mount("notes.txt")]) }
                try timed { try run(["cmp", mount("appliance.ovf"), package.members + "/appliance.ovf"]) }
                try timed { try run(["cat", mount(".ova/info.json"), mount(".ova/stats.json")]) }
                // Decoded already, and not in the page cache.
                try timed {
                    try run([
                        "cmp", "--bytes=65536", mount(StandardPackage.second), package.secondReference,
                    ])
                }
                for (number, reader) in readers.enumerated() {
                    kill(reader.process, number.isMultiple(of: 4) ? SIGINT : SIGKILL)
                }
                // dd counts what it has read when it is interrupted, and ends then.
                #expect(ChildProcess.remaining(readers, after: Self.limit) == 0)
                readers = []
                #expect(try Statistics(of: mount).interruptedReads > 0)
                try timed { try run(["ls", "-lR", mount.point]) }
                gated.gate.open()
                try run(["cmp", mount(StandardPackage.first), package.firstReference])
                try mount.unmount()
            }
        }

        @Test(
            "C15: SIGTERM and an unmounting by force end the server, whoever waits",
            arguments: ["TERM"] + (EndToEnd.isRoot ? ["force"] : []))
        func end(how: String) throws {
            try Self.withSilentSource { _, mount, gated, folder in
                let readers = try startReaders(32, of: mount)
                defer { #expect(ChildProcess.remaining(readers, after: 20) == 0) }
                try wait(for: "waiting readers") { try Statistics(of: mount).waitingReads >= 16 }
                let start = MonotonicClock.now
                if how == "TERM" {
                    kill(mount.server, SIGTERM)
                } else {
                    // Refused, because it is in use, after the connection was cut.
                    _ = try attempt(["umount", "--force", mount.point])
                }
                #expect(ChildProcess.remaining(readers, after: 8) == 0)
                try mount.waitForEnd()
                #expect(MonotonicClock.now - start < 8)
            }
        }

        @Test(
            "C15: a mount that is detached ends with its last reader",
            .enabled(if: EndToEnd.isRoot, "umount -l needs root"))
        func detached() throws {
            try Self.withSilentSource { _, mount, gated, _ in
                let readers = try startReaders(8, of: mount)
                try wait(for: "waiting readers") { try Statistics(of: mount).waitingReads >= 4 }
                try run(["umount", "--lazy", mount.point])
                for reader in readers { kill(reader.process, SIGKILL) }
                #expect(ChildProcess.remaining(readers, after: 8) == 0)
                try mount.waitForEnd()
            }
        }
    }
}
