// Going into the background: the program starts itself anew and waits until that one can be used.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The side that waits. A process that has threads cannot fork, so the server is a new process from the start.
///
/// The two talk over a pair of sockets: the server writes a byte when the mount can be used, and this side answers
/// it. Each learns from the end of the other's what has become of it: a server that is not answered takes its mount
/// away again (`BackgroundServer`).
enum BackgroundLaunch {
    /// Starts this program with `arguments` and the descriptor of a socket added, and waits for word from it.
    ///
    /// - Returns: The exit code for the caller: 0 when the mount can be used, else that of the process, which
    ///   has said on standard error what is wrong.
    static func run(_ arguments: [[UInt8]]) throws -> CInt {
        var ends: [CInt] = [-1, -1]
        let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw failure("make a socket", errno) }
        defer { close(ends[0]) }
        let child: pid_t
        do throws(SystemError) {
            defer { close(ends[1]) }
            // Behind the name of the command, because what stands behind a `--` is no option.
            let added = ["--ready-descriptor", "\(readyDescriptor)"].map { Array($0.utf8) }
            child = try ProgramStart.start(
                ProgramStart.ownPath, arguments.prefix(2) + added + arguments.dropFirst(2),
                descriptors: [0, 1, 2, ends[1]])
        } catch {
            throw failure("start the server", error.errno)
        }
        var word: UInt8 = 0
        while true {
            let count = unsafe read(ends[0], &word, 1)
            // Who cannot be answered has ended since, and its exit code says how.
            if count == 1, unsafe write(ends[0], &word, 1) == 1 { return ExitStatus.done.rawValue }
            if count >= 0 || errno != EINTR { break }
        }
        return exitCode(of: child)
    }

    /// The descriptor that the new process finds the socket at.
    private static let readyDescriptor: CInt = 3

    private static func exitCode(of child: pid_t) -> CInt {
        guard let code = ProgramStart.wait(for: child) else { return ExitStatus.cannotMount.rawValue }
        guard code < 128 else {
            StandardError.write(
                "the server was ended by signal \(code - 128) before the mount could be used")
            return ExitStatus.cannotMount.rawValue
        }
        guard code != 0 else {
            StandardError.write("the server was ended before the mount could be used")
            return ExitStatus.cannotMount.rawValue
        }
        return code
    }

    private static func failure(_ what: String, _ errno: CInt) -> CommandFailure {
        CommandFailure(status: .cannotMount, message: "cannot \(what): \(SystemError(errno: errno))")
    }
}
