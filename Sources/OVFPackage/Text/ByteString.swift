// A file name as the bytes that it is, for use as a key and in messages.
// SPDX-License-Identifier: Apache-2.0

/// Bytes of a name. Two names are one when every byte is the same; no encoding is assumed.
package struct ByteString: Hashable, Sendable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The bytes of `text`: as a key, since a `String` is normalised each time it is hashed.
    package init(_ text: some StringProtocol) {
        bytes = Array(text.utf8)
    }

    /// Feeds all bytes at once: `Array` would feed them one by one.
    package func hash(into hasher: inout Hasher) {
        // SAFETY: the hasher reads the bytes during the call.
        unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        hasher.combine(bytes.count)
    }
}

extension String {
    /// Bytes of a name for people to read: control characters escaped, bytes that are not UTF-8 as `\xe4`, so that
    /// names that differ look different, and shortened where they are very long.
    package init(displaying bytes: [UInt8]) {
        let longest = 200
        // Nearly all names are plain.
        if bytes.count <= longest, bytes.allSatisfy({ (0x20..<0x7f).contains($0) }) {
            self.init(decoding: bytes, as: UTF8.self)
            return
        }
        var text: [UInt8] = []
        text.reserveCapacity(4 * longest + 8)
        var rest = bytes.prefix(longest)
        var parser = Unicode.UTF8.ForwardParser()
        var unread = rest.makeIterator()
        parsing: while true {
            switch parser.parseScalar(from: &unread) {
            case .valid(let encoded):
                let scalar = Unicode.UTF8.decode(encoded).value
                if scalar < 0x20 || (0x7f...0x9f).contains(scalar) {
                    text += "\\u{".utf8
                    if scalar >= 0x10 { text.append(Hexadecimal.character(UInt8(scalar >> 4))) }
                    text.append(Hexadecimal.character(UInt8(scalar & 15)))
                    text.append(UInt8(ascii: "}"))
                } else {
                    text += rest.prefix(encoded.count)
                }
                rest = rest.dropFirst(encoded.count)
            case .error(let length):
                for byte in rest.prefix(length) {
                    text += "\\x".utf8
                    text.append(Hexadecimal.character(byte >> 4))
                    text.append(Hexadecimal.character(byte & 15))
                }
                rest = rest.dropFirst(length)
            case .emptyInput:
                break parsing
            }
        }
        if bytes.count > longest { text += "…".utf8 }
        self.init(decoding: text, as: UTF8.self)
    }
}

extension String {
    /// The text with U+FFFD for what is no UTF-8, as `String(decoding:as:)` has it, which takes far longer where nothing is.
    package init(repairing bytes: [UInt8]) {
        var text: [UInt8] = []
        text.reserveCapacity(3 * bytes.count)
        var parser = Unicode.UTF8.ForwardParser()
        var unread = bytes.makeIterator()
        var position = 0
        parsing: while true {
            switch parser.parseScalar(from: &unread) {
            case .valid(let encoded):
                text += bytes[position..<(position + encoded.count)]
                position += encoded.count
            case .error(let length):
                text += [0xef, 0xbf, 0xbd]
                position += length
            case .emptyInput:
                break parsing
            }
        }
        self.init(decoding: text, as: UTF8.self)
    }

    /// The text for a message: cut where it is long, so that text from a file cannot fill memory by being quoted.
    package func quotable(upTo byteCount: Int = 200) -> String {
        utf8.count <= byteCount ? self : String(decoding: utf8.prefix(byteCount), as: UTF8.self) + "…"
    }
}
