// A program that a test starts, and may end.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
package import Glibc

/// A child process. It takes all signals as usual, whatever the test's own threads block.
package struct ChildProcess {
    package let process: pid_t

    package struct Failure: Error { let errno: CInt }

    /// Starts `command`, whose first word is a path.
    package init(_ command: [String]) throws {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for descriptor: CInt in 0...2 {
            unsafe posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigfillset(&signals)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        // SAFETY: the list ends with nil, and its strings live until the child was started.
        var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
        defer { unsafe arguments.forEach { unsafe free($0) } }
        var child = pid_t()
        let result = unsafe posix_spawn(&child, command[0], &actions, &attributes, &arguments, environ)
        guard result == 0 else { throw Failure(errno: result) }
        process = child
    }

    package func send(_ signal: CInt) { kill(process, signal) }

    /// How many of `readers` are still there after `seconds`, or as soon as none is.
    package static func remaining(_ readers: [ChildProcess], after seconds: Double) -> Int {
        let deadline = MonotonicClock.now + seconds
        var rest = readers
        while !rest.isEmpty, MonotonicClock.now < deadline {
            rest.removeAll { waitpid($0.process, nil, WNOHANG) != 0 }
            usleep(5_000)
        }
        return rest.count
    }
}
