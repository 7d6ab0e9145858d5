// Starting another program, with the descriptors that it is meant to have and no others.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import CLinux
import Glibc
import SystemPackage

/// A process that has threads cannot fork; what is started here is a new program from its first instruction.
enum ProgramStart {
    /// Starts the program at `path`, which is looked for in PATH where it has no slash, and gives its number.
    ///
    /// The program has `descriptors` as its descriptors 0, 1, 2 …, and none beyond: a lock, a pipe or a terminal of
    /// our caller's that it kept would stay taken for as long as it runs. Signals are as a new process has them.
    /// Each of `descriptors` is either at the number that it gets, or at one that none of them gets.
    /// - Throws: `SystemError` where there is no such program or no process to be had.
    static func start(
        _ path: FilePath, _ arguments: [[UInt8]], descriptors: [CInt]
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
        let result = unsafe path.withPlatformString { path in
            unsafe posix_spawnp(&child, path, &actions, &attributes, &strings, environ)
        }
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
    static var ownPath: FilePath {
        let link = FilePath("/proc/self/exe")
        var characters = [CChar](repeating: 0, count: Int(PATH_MAX))
        // SAFETY: no more is written than the array holds.
        let length = unsafe link.withPlatformString { link in
            unsafe readlink(link, &characters, characters.count)
        }
        guard length > 0, length < characters.count else { return link }
        let path = FilePath(bytes: characters.prefix(length).map { UInt8(bitPattern: $0) })
        return unsafe path.withPlatformString { unsafe access($0, X_OK) } == 0 ? path : link
    }
}

/// A pipe and /dev/null for a program that is started, which keeps only what it is given of them.
struct ProgramPipe {
    let reading: CInt
    /// Stays open behind `close`: whoever made the pipe says when it ends.
    let writing: CInt
    let null: CInt

    init() throws(SystemError) {
        var ends: [CInt] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw SystemError(errno: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        reading = ends[0]
        writing = ends[1]
        null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
    }

    /// Closes the end to read from and /dev/null.
    func close() {
        _ = Glibc.close(reading)
        _ = Glibc.close(null)
    }
}
