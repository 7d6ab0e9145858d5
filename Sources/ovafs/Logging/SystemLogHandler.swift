// Log messages to the system's log, for a mount that runs in the background.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging

/// Writes as syslog(3) does, but without waiting: a line that the system's log does not take now is lost, since readers of
/// the mount would wait for it.
struct SystemLogHandler: LogHandler {
    private static let path = "/dev/log"
    /// Longer lines are cut, in bytes.
    private static let maximumLineByteCount = 4096

    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()

    /// Not connected: the log may be started anew, and then has another socket under the same name.
    private static let socket = Glibc.socket(
        AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let priority =
            switch event.level {
            case .trace, .debug: LOG_DEBUG
            case .info: LOG_INFO
            case .notice: LOG_NOTICE
            case .warning: LOG_WARNING
            case .error: LOG_ERR
            case .critical: LOG_CRIT
            }
        // Every line says which process wrote it: there may be many mounts.
        let text = "\(event.message)".onOneLine
        let line = "<\(LOG_DAEMON | priority)>\(Self.now()) ovafs[\(getpid())]: \(text)"
        Self.send(Array(line.utf8.prefix(Self.maximumLineByteCount)))
    }

    private static func send(_ line: [UInt8]) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        let flags = CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)
        // SAFETY: the address and the line live for the call.
        _ = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe sendto(
                    socket, line, line.count, flags, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    /// The local time in the form that the system's log expects.
    private static func now() -> String {
        var seconds = time(nil)
        var fields = unsafe tm()
        unsafe localtime_r(&seconds, &fields)
        var text = [CChar](repeating: 0, count: 32)
        let length = unsafe strftime(&text, text.count, "%b %e %H:%M:%S", &fields)
        return String(decoding: text.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
