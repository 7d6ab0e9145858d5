// Log messages as lines of a file or of standard error.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import Synchronization

/// Writes a line a message with one call, so that lines of several threads do not mix. A line that cannot be written
/// now is lost: a log that no one reads, or whose disk is full, must not hold up the readers of a mount.
struct LineLogHandler: LogHandler {
    let descriptor: CInt
    /// Whether a line starts with the time, in UTC.
    let showsTime: Bool
    /// Bytes that a pipe takes at once when it takes any (PIPE_BUF).
    private static let maximumLineByteCount = 4096
    /// Looking whether there is room and writing are one step.
    private static let turn = Mutex<Void>(())
    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()

    init(descriptor: CInt, showsTime: Bool) {
        self.descriptor = descriptor
        self.showsTime = showsTime
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let text = "\(event.message)".onOneLine
        let line = "\(showsTime ? Self.now() + " " : "")ovafs: \(event.level): \(text)\n"
        var bytes = Array(line.utf8)
        if bytes.count > Self.maximumLineByteCount {
            bytes = bytes.prefix(Self.maximumLineByteCount - 1) + [UInt8(ascii: "\n")]
        }
        Self.turn.withLock { _ in
            var place = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard unsafe poll(&place, 1, 0) == 1 else { return }
            _ = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        }
    }

    /// The time as ISO 8601 has it, to the second.
    private static func now() -> String {
        var seconds = time(nil)
        var fields = unsafe tm()
        unsafe gmtime_r(&seconds, &fields)
        var text = [CChar](repeating: 0, count: 32)
        let length = unsafe strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &fields)
        return String(decoding: text.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
