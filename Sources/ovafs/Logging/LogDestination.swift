// Where log messages go.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Glibc
import Logging
import SystemPackage

/// The destination of a mount's log: standard error, the system log, or a file.
enum LogDestination: Sendable, Equatable {
    case standardError
    case systemLog
    case file(FilePath)

    /// From the bytes of an option's value; nil where there are none.
    init?(_ value: some Collection<UInt8>) {
        guard !value.isEmpty else { return nil }
        switch String(decoding: value, as: UTF8.self) {
        case "syslog": self = .systemLog
        case "stderr": self = .standardError
        default: self = .file(FilePath(bytes: Array(value)))
        }
    }

    /// Opens it, so that `logger` can be had.
    /// - Throws: `CommandFailure` where it is a file that cannot be opened for appending.
    func open() throws -> OpenLog {
        guard case .file(let path) = self else { return OpenLog(destination: self, file: nil) }
        // A FIFO that no one reads is an error and no wait.
        let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK
        // SAFETY: the string ends with a NUL and lives for the call.
        let descriptor = unsafe path.withPlatformString { unsafe Glibc.open($0, flags, 0o644) }
        guard descriptor >= 0 else {
            throw OpenLog.failure(path, "\(SystemError(errno: errno))")
        }
        return OpenLog(destination: self, file: FileDescriptor(rawValue: descriptor))
    }
}

/// A log to which nothing has been written yet.
struct OpenLog {
    fileprivate let destination: LogDestination
    fileprivate let file: FileDescriptor?

    /// A logger that writes to it.
    /// - Throws: `CommandFailure` where that would change one of `sources`.
    func logger(sparing sources: Set<FileNumber>) throws -> Logger {
        switch destination {
        case .standardError:
            return Logger(label: "ovafs") { _ in LineLogHandler(descriptor: 2, showsTime: false) }
        case .systemLog:
            return Logger(label: "ovafs") { _ in SystemLogHandler() }
        case .file(let path):
            guard let file, let number = FileNumber(of: file) else {
                throw Self.failure(path, "\(SystemError(errno: EBADF))")
            }
            guard number.blockDevice == nil else { throw Self.failure(path, "it is a block device") }
            guard !sources.contains(number) else { throw Self.failure(path, "it is what is mounted") }
            return Logger(label: "ovafs") { _ in
                LineLogHandler(descriptor: file.rawValue, showsTime: true)
            }
        }
    }

    fileprivate static func failure(_ path: FilePath, _ reason: String) -> CommandFailure {
        CommandFailure(status: .wrongUsage, message: "cannot write the log \(path): \(reason)")
    }
}
