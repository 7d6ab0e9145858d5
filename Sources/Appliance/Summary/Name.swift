// A file name in JSON.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

/// A file name. Where it is not UTF-8, `text` has U+FFFD in it and `hex` the bytes.
package struct Name: Codable, Sendable {
    package let text: String
    package let hex: String?

    init(_ bytes: [UInt8]) {
        let exact = String(validating: bytes, as: UTF8.self)
        text = exact ?? String(repairing: bytes)
        hex = exact == nil ? Hexadecimal.text(of: bytes) : nil
    }

    /// The name for people: names that differ look different.
    package var shown: String {
        guard let hex else {
            let isPlain = text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
            return isPlain ? text : String(displaying: Array(text.utf8))
        }
        return String(displaying: Hexadecimal.bytes(hex.utf8) ?? [])
    }
}
