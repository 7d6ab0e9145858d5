// The process behind `auto_unmount`: it outlives the server, and takes away the mount that one has left.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import Glibc
import SystemPackage

/// A process of its own that holds nothing but a pipe to the server. When the server has ended, however it did, the
/// pipe ends; where the mount is still there then, and dead, the watcher unmounts it.
///
/// Not fusermount3's own `auto_unmount`: that looks at the mount as root, whom the kernel keeps out of another user's
/// mount without `allow_other`, and then leaves it (docs/decisions/0050-who-unmounts-after-a-crash.md).
enum MountWatcher {
    /// The hidden command that the new process runs.
    static let commandName = "watch-mount"

    /// Starts the process for the mount that is about to be made at `point`. Its pipe closes with this process.
    static func start(at point: FilePath) throws {
        let arguments = ["ovafs", commandName, "--"].map { Array($0.utf8) } + [point.bytes]
        do throws(SystemError) {
            // The end to write to stays open until this process ends, and no other may hold it.
            let pipe = try ProgramPipe()
            defer { pipe.close() }
            _ = try ProgramStart.start(
                ProgramStart.ownPath, arguments, descriptors: [pipe.reading, pipe.null, pipe.null])
        } catch {
            throw failure(error)
        }
    }

    /// What the process does: waits for the end of the pipe at descriptor 0, then looks.
    static func watch(_ point: FilePath) throws {
        // What ends the server must not end its watcher, which ends by itself a moment later.
        for ending in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] { signal(ending, SIG_IGN) }
        setsid()
        _ = unsafe chdir("/")
        var word: UInt8 = 0
        while true {
            let count = unsafe read(0, &word, 1)
            if count == 0 || count < 0 && errno != EINTR { break }
        }
        // Another mount may have come to the place meanwhile; one that lives is not ours to take.
        guard MountTable.topmost(at: point)?.type == MountTableEntry.ownType, Unmounting.isDead(point) else {
            return
        }
        do throws(Unmounting.Failure) {
            try Unmounting.unmount(point, isLazy: true)
        } catch {
            throw CommandFailure(status: .cannotMount, message: "cannot unmount \(point): \(error)")
        }
    }

    private static func failure(_ error: SystemError) -> CommandFailure {
        CommandFailure(status: .cannotMount, message: "auto_unmount: cannot start its process: \(error)")
    }
}
