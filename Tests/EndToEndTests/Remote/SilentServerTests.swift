// A web server that says nothing, and readers that are killed meanwhile: SEMANTICS W4 and C15.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct SilentServerTests {
        /// Calls `body` with a mount of a disk whose server has stopped answering, and readers that wait for it, past the page
        /// cache and through it.
        private static func withReaders(
            options: String, _ body: (Mount, [ChildProcess]) throws -> Void
        ) throws {
            try withTestFolder { folder in
                let server = try WebServer(in: folder)
                defer { server.end() }
                try Fixtures.rawDisk(folder("www/d.raw"), byteCount: 64 << 20, data: [0..<64 << 20])
                let mount = try Mount(server.address("d.raw"), in: folder, options: options)
                let number = try run(["cat", folder("nginx/nginx.pid")]).text
                try run(["kill", "-STOP", number])
                defer { _ = try? run(["kill", "-CONT", number]) }
                let readers = try (0..<16).map { number in
                    try ChildProcess(
                        [
                            "/usr/bin/dd", "if=\(mount("d.raw"))", "of=/dev/null", "bs=64K", "count=1",
                            "skip=\(100 + 50 * number)",
                        ] + (number.isMultiple(of: 2) ? ["iflag=direct"] : []))
                }
                defer {
                    for reader in readers { reader.send(SIGKILL) }
                    #expect(ChildProcess.remaining(readers, after: 20) == 0)
                }
                try wait(for: "waiting readers") { try Statistics(of: mount).waitingReads >= 8 }
                try body(mount, readers)
            }
        }

        @Test(
            "W4 C15: readers of a silent server that are killed are gone, and so are mount and server, long before timeout="
        )
        func killed() throws {
            try Self.withReaders(options: "timeout=600") { mount, readers in
                #expect(try run(["ls", mount.point]).text == "d.raw")
                for reader in readers { reader.send(SIGKILL) }
                #expect(ChildProcess.remaining(readers, after: 20) == 0)
                try unmount(mount.point)
                try mount.waitForEnd()
            }
        }

        @Test(
            "W4 C15: a mount that was detached while readers wait for a silent server ends with timeout=",
            .enabled(if: EndToEnd.isRoot, "umount -l needs root"))
        func detached() throws {
            try Self.withReaders(options: "timeout=10") { mount, readers in
                try run(["umount", "--lazy", mount.point])
                // Twice as long, where the kernel asks twice.
                #expect(ChildProcess.remaining(readers, after: 60) == 0)
                try mount.waitForEnd()
            }
        }
    }
}
