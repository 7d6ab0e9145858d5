// Lines for people who watch standard error.
// SPDX-License-Identifier: Apache-2.0

import Glibc

enum StandardError {
    /// Writes `ovafs: message` and a line end, at once, so that lines of several processes do not mix.
    static func write(_ message: String) {
        // The message stands alone, whatever is drawn.
        ProgressBar.clear()
        let line = "ovafs: \(message.onOneLine)\n"
        var bytes = Array(line.utf8)[...]
        while !bytes.isEmpty {
            let written = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
            guard written > 0 else { return }
            bytes = bytes.dropFirst(written)
        }
    }
}
