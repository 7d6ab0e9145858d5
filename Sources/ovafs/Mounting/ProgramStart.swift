// Starting another program, with the descriptors that it is meant to have and no others.
// SPDX-License-Identifier: Apache-2.0

import CSpawn
import Glibc

/// A process that has threads cannot fork; what is started here is a new program from its first instruction.
enum ProgramStart {
    /// Starts the program at `path`, which is looked for in PATH where it has no slash, and gives its number.
    ///
    /// The program has `descriptors` as its descriptors 0, 1, 2 …, and none beyond: a lock, a pipe or a terminal of
    /// our caller's that it kept would stay taken for as long as it runs. Signals are as a new process has them.
    /// Each of `descriptors` is either at the number that it gets, or at one that none of them gets.
    /// - Throws: `SystemError` where there is no such program or no process to be had.
    static func start(
        _ path: String, _ arguments: [[UInt8]], descriptors: [CInt]
    ) throws(SystemError) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (number, descriptor) in descriptors.enumerated() {
            // A duplicate of itself loses close-on-exec, too.
            unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, CInt(number))
        }
        _ = unsafe ovafs_close_from(&actions, CInt(descriptors.count))

        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigfillset(&signals)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var strings = unsafe arguments.map { unsafe strdup($0.map(CChar.init(bitPattern:)) + [0]) } + [nil]
        defer { unsafe strings.forEach { unsafe free($0) } }
        var child = pid_t()
        // SAFETY: the strings live until the call has returned; the list ends with nil.
        let result = unsafe posix_spawnp(&child, path, &actions, &attributes, &strings, environ)
        guard result == 0 else { throw SystemError(errno: result) }
        return child
    }

    /// Waits for the end of a process that was started here.
    /// - Returns: Its exit code; 128 and the signal's number where one ended it; nil where it cannot be known.
    static func wait(for child: pid_t) -> CInt? {
        var status: CInt = 0
        while unsafe waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { return nil }
        }
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }

    /// This program's own file, so that what is started has its name in ps(1); the kernel's link to it where the
    /// file is no longer there.
    static var ownPath: String {
        let link = "/proc/self/exe"
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = unsafe readlink(link, &path, path.count)
        guard length > 0, length < path.count else { return link }
        let text = String(decoding: path.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return unsafe access(text, X_OK) == 0 ? text : link
    }
}

/// A system call that failed.
struct SystemError: Error, CustomStringConvertible {
    let errno: CInt

    /// The system's own words.
    var description: String { unsafe String(cString: strerror(errno)) }
}
