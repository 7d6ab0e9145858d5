// How long a server asks to be left alone.
// SPDX-License-Identifier: Apache-2.0

import CCurl

/// The header Retry-After.
/// Spec: RFC 9110, 10.2.3.
enum RetryAfter {
    /// No server is obeyed for longer, in seconds.
    private static let longest = 3_600.0

    /// Seconds from now on; nil where the server names none. `date` is now, in seconds since 1970.
    static func seconds(_ headers: HTTPHeaders, at date: Double) -> Double? {
        guard let text = headers.first("retry-after"), text.utf8.count <= 64 else { return nil }
        if let number = ContentRange.number(text) { return min(Double(number), longest) }
        let time = unsafe curl_getdate(text, nil)
        guard time > 0 else { return nil }
        return min(max(0, Double(time) - date), longest)
    }
}
