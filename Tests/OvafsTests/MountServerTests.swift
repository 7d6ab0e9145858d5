// Tests of how the server of a mount is found, and that it is not found when its mount is gone.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import ovafs

/// One after the other: a process has one mount.
@Suite("The server of a mount", .serialized)
struct MountServerTests {
    /// The line of a mount of this user with a device that no kernel gives.
    private static func mount(_ device: String) throws -> MountTableEntry {
        let line = "36 35 \(device) / /mnt ro - fuse.ova /a.ova ro,user_id=\(geteuid()),group_id=0"
        return try #require(MountTableEntry(line: ArraySlice(line.utf8)))
    }

    @Test("a server is found by its mount's device, and not after the mount is gone")
    func found() throws {
        let mount = try Self.mount("4094:\(UInt32.random(in: 1 << 20 ... .max))")
        #expect(MountServer(of: mount) == nil)
        // Again and again: the next mount may have the same device, before another thread has given the name back.
        for _ in 0..<3 {
            MountServer.announce(device: mount.device)
            let deadline = ContinuousClock.now + .seconds(60)
            while MountServer(of: mount) == nil {
                try #require(ContinuousClock.now < deadline)
                usleep(1_000)
            }
            #expect(MountServer(of: mount)?.processID == getpid())
            #expect(MountServer(of: try Self.mount("4094:1")) == nil)
            MountServer.withdraw()
            #expect(MountServer(of: mount) == nil)
        }
    }
}
