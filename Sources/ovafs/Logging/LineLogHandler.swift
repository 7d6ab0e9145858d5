// Log messages as lines of a file or of standard error.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging

/// Writes a line a message with one call, so that lines of several threads do not mix.
struct LineLogHandler: LogHandler {
    let descriptor: CInt
    /// Whether a line starts with the time, in UTC.
    let showsTime: Bool
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
        _ = unsafe Array(line.utf8).withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
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
