// What libfuse has to say, which it would print to standard error by itself.
// SPDX-License-Identifier: Apache-2.0

import CFuse
import Glibc
import Synchronization

/// Keeps the last message of libfuse, so that it becomes part of our own error line.
enum LibraryMessages {
    private static let last = Mutex<String?>(nil)

    /// From now on, libfuse's messages come here.
    static func capture() {
        unsafe fuse_set_log_func(keepMessage)
    }

    /// Takes the last message, without libfuse's own prefix and line end.
    static func take() -> String? {
        last.withLock { $0.take() }
    }

    fileprivate static func keep(_ message: String) {
        var text = message[...]
        if text.hasPrefix("fuse: ") { text = text.dropFirst("fuse: ".count) }
        while text.last?.isNewline == true { text.removeLast() }
        guard !text.isEmpty else { return }
        last.withLock { $0 = String(text) }
    }
}

private func keepMessage(
    _ level: fuse_log_level, _ format: UnsafePointer<CChar>?, _ arguments: CVaListPointer?
) {
    guard let format = unsafe format, let arguments = unsafe arguments else { return }
    var text = [CChar](repeating: 0, count: 512)
    // SAFETY: vsnprintf writes no more than it is told of, and a zero at the end.
    let length = unsafe vsnprintf(&text, text.count, format, arguments)
    guard length > 0 else { return }
    LibraryMessages.keep(
        String(
            decoding: text.prefix(min(Int(length), text.count - 1)).map { UInt8(bitPattern: $0) },
            as: UTF8.self))
}
