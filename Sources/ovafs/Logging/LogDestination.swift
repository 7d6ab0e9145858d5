// Where log messages go.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import SystemPackage

/// The destination of a mount's log: standard error, the system log, or a file.
enum LogDestination: Sendable, Equatable {
    case standardError
    case systemLog
    case file(path: String)

    /// A logger that writes here.
    /// - Throws: `CommandFailure` where the file cannot be opened for appending.
    func logger() throws -> Logger {
        switch self {
        case .standardError:
            return Logger(label: "ovafs") { _ in LineLogHandler(descriptor: 2, showsTime: false) }
        case .systemLog:
            return Logger(label: "ovafs") { _ in SystemLogHandler() }
        case .file(let path):
            // A FIFO that no one reads is an error and no wait.
            let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK
            // SAFETY: the string ends with a NUL and lives for the call.
            let descriptor = try unsafe RawArguments.path(path).withPlatformString {
                unsafe open($0, flags, 0o644)
            }
            guard descriptor >= 0 else {
                let reason = unsafe String(cString: strerror(errno))
                throw CommandFailure(
                    status: .wrongUsage, message: "cannot write the log \(path): \(reason)")
            }
            return Logger(label: "ovafs") { _ in LineLogHandler(descriptor: descriptor, showsTime: true) }
        }
    }
}
