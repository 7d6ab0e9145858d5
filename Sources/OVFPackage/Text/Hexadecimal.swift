// Hexadecimal digits.
// SPDX-License-Identifier: Apache-2.0

/// Bytes written as pairs of digits.
package enum Hexadecimal {
    /// The value of a digit of either case; nil for any other byte.
    static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    /// The bytes; nil where the text is not pairs of digits.
    package static func bytes(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        var high: UInt8?
        for byte in text {
            guard let digit = digit(byte) else { return nil }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return bytes
    }

    /// The lower-case digit of a value below 16.
    static func character(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 &+ value : 0x57 &+ value
    }

    /// Lower-case digits of an array: of thousands of names in a moment.
    package static func text(of bytes: [UInt8]) -> String {
        var digits = [UInt8](repeating: 0, count: 2 * bytes.count)
        for index in bytes.indices {
            digits[2 * index] = character(bytes[index] >> 4)
            digits[2 * index + 1] = character(bytes[index] & 15)
        }
        return String(decoding: digits, as: UTF8.self)
    }

    /// Lower-case digits.
    package static func text(_ bytes: some Sequence<UInt8>) -> String {
        var digits: [UInt8] = []
        digits.reserveCapacity(2 * bytes.underestimatedCount)
        for byte in bytes {
            digits.append(character(byte >> 4))
            digits.append(character(byte & 15))
        }
        return String(decoding: digits, as: UTF8.self)
    }
}
