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
        hex = isExact ? nil : Hexadecimal.text(bytes)
    }

    /// The name for people: names that differ look different.
    package var shown: String {
        guard let hex else { return text }
        return String(displaying: Hexadecimal.bytes(hex.utf8) ?? [])
    }
}
