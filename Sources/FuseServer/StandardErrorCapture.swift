// What fusermount3 has to say, which it prints to the standard error that it has from us.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CFuse
import Glibc

/// Turns standard error to a pipe for as long as something runs, so that another program's message becomes part of our
/// own error line.
enum StandardErrorCapture {
    /// There is one standard error: of two mounts that one process makes, the second one waits.
    private static let turn = SleepingMutex<Void>(())

    /// - Returns: what `body` gave, and what was written meanwhile. Where `body` gave 0 that is written on, and empty.
    static func during(_ body: () -> CInt) -> (result: CInt, messages: String) {
        turn.withLock { _ in
            var ends: [CInt] = [-1, -1]
            let original = fcntl(2, F_DUPFD_CLOEXEC, 3)
            guard original >= 0 else { return (body(), "") }
            defer { close(original) }
            // A pipe that is full, or that another process keeps, must not hold up the mount.
            guard unsafe pipe2(&ends, O_CLOEXEC | O_NONBLOCK) == 0 else { return (body(), "") }
            defer { close(ends[0]) }
            dup2(ends[1], 2)
            close(ends[1])
            let result = body()
            dup2(original, 2)
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = max(0, unsafe read(ends[0], &bytes, bytes.count))
            guard result == 0 else { return (result, String(decoding: bytes.prefix(count), as: UTF8.self)) }
            if count > 0 { _ = unsafe write(2, &bytes, count) }
            return (result, "")
        }
    }
}
