// Going into the background: the program starts itself anew and waits until that one can be used.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The side that waits. A process that has threads cannot fork, so the server is a new process from the start.
enum BackgroundLaunch {
    /// Starts this program with `arguments` and the descriptor of a pipe added, and waits for word from it.
    ///
    /// - Returns: The exit code for the caller: 0 when the mount can be used, else that of the process, which
    ///   has said on standard error what is wrong.
    static func run(_ arguments: [[UInt8]]) throws -> CInt {
        var ends: [CInt] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw failure("make a pipe", errno) }
        defer { close(ends[0]) }
        // The server gets its end under the number that it is told, and no other.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let child: pid_t
        do {
            defer { close(ends[1]) }
            // Behind the name of the command, because what stands behind a `--` is no option.
            child = try spawn(
                arguments.prefix(2) + [Array("--ready-descriptor".utf8), Array("\(readyDescriptor)".utf8)]
                    + arguments.dropFirst(2),
                passing: ends[1])
        }
        var word: UInt8 = 0
        while true {
            let count = unsafe read(ends[0], &word, 1)
            if count == 1 { return ExitStatus.done.rawValue }
            if count == 0 || errno != EINTR { break }
        }
        return exitCode(of: child)
    }

    /// The descriptor that the new process finds the pipe at.
    private static let readyDescriptor: CInt = 3

    private static func spawn(_ arguments: [[UInt8]], passing pipe: CInt) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        // A duplicate of itself loses close-on-exec too, by POSIX.
        unsafe posix_spawn_file_actions_adddup2(&actions, pipe, readyDescriptor)
        var strings = unsafe arguments.map { unsafe strdup($0.map(CChar.init(bitPattern:)) + [0]) } + [nil]
        defer { unsafe strings.forEach { unsafe free($0) } }
        var child = pid_t()
        // SAFETY: the strings live until the call has returned; the list ends with nil.
        let result = unsafe posix_spawn(&child, programPath, &actions, nil, &strings, environ)
        guard result == 0 else { throw failure("start the server", result) }
        return child
    }

    /// This program's own file, so that the server has its name in ps(1); the kernel's link to it where the file is
    /// no longer there.
    private static var programPath: String {
        let link = "/proc/self/exe"
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = unsafe readlink(link, &path, path.count)
        guard length > 0, length < path.count else { return link }
        let text = String(decoding: path.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return unsafe access(text, X_OK) == 0 ? text : link
    }

    private static func exitCode(of child: pid_t) -> CInt {
        var status: CInt = 0
        while unsafe waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { return ExitStatus.cannotMount.rawValue }
        }
        let signal = status & 0x7f
        guard signal == 0 else {
            StandardError.write("the server was ended by signal \(signal) before the mount could be used")
            return ExitStatus.cannotMount.rawValue
        }
        return (status >> 8) & 0xff
    }

    private static func failure(_ what: String, _ errno: CInt) -> CommandFailure {
        CommandFailure(
            status: .cannotMount, message: "cannot \(what): \(unsafe String(cString: strerror(errno)))")
    }
}
