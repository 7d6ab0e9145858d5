// A file name in JSON.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

/// A file name. Where it is not UTF-8, `text` has U+FFFD in it and `hex` the bytes.
package struct Name: Codable, Sendable {
    package let text: String
    package let hex: String?

    init(_ bytes: [UInt8]) {
        text = String(decoding: bytes, as: UTF8.self)
        let isExact = text.utf8.elementsEqual(bytes)
        hex = isExact ? nil : bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The name for people: names that differ look different.
    package var shown: String {
        guard let hex else { return text }
        let digits = Array(hex)
        return String(
            displaying: stride(from: 0, to: digits.count - 1, by: 2).compactMap {
                UInt8(String(digits[$0...($0 + 1)]), radix: 16)
            })
    }
}
