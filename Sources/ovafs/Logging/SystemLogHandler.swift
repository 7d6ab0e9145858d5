// Log messages to the system's log, for a mount that runs in the background.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging

/// Writes through syslog(3).
struct SystemLogHandler: LogHandler {
    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()

    /// Every line says which process wrote it: there may be many mounts.
    private static let opened: Void = {
        // SAFETY: the C library keeps the address, so the string is never freed.
        unsafe openlog(strdup("ovafs"), LOG_PID, LOG_DAEMON)
    }()

    init() { Self.opened }

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
        // SAFETY: the format takes one C string, which lives until the call returns.
        unsafe "\(event.message)".onOneLine.withCString { text in
            unsafe withVaList([text]) { unsafe vsyslog(LOG_DAEMON | priority, "%s", $0) }
        }
    }
}
