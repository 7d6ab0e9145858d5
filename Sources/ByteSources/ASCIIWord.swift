// A word that a format writes in ASCII, as parsers compare it.
// SPDX-License-Identifier: Apache-2.0

/// A keyword, a label, a unit or a type: printable ASCII of at most `maximumByteCount` bytes.
///
/// Swift compares and hashes text by canonical equivalence, in time that grows with the square of the marks on one
/// character. Whatever a parser compares with words of its own is made one of these first; what cannot be one is
/// none of them.
package struct ASCIIWord: Hashable, Sendable, ExpressibleByStringLiteral {
    package let text: String

    /// No word of any format is longer, in bytes.
    package static let maximumByteCount = 64

    /// The word as it is written; nil where it is none.
    package init?(exactly bytes: ArraySlice<UInt8>) {
        guard Self.isWord(bytes) else { return nil }
        text = String(decoding: bytes, as: UTF8.self)
    }

    /// The word in lower case; nil where it is none.
    package init?(folding bytes: ArraySlice<UInt8>) {
        guard Self.isWord(bytes) else { return nil }
        text = String(decoding: bytes.map(\.lowercasedASCII), as: UTF8.self)
    }

    /// The word in lower case; nil where it is none.
    package init?(folding text: String) {
        // One more than there may be: no need to look at the rest.
        self.init(folding: Array(text.utf8.prefix(Self.maximumByteCount + 1))[...])
    }

    /// A word of the program's own; in lower case where it is compared with one that is.
    package init(stringLiteral text: String) {
        assert(Self.isWord(Array(text.utf8)[...]))
        self.text = text
    }

    private static func isWord(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.count <= maximumByteCount && bytes.allSatisfy { (0x20..<0x7f).contains($0) }
    }

    /// Whether `bytes` begin with the word, which is in lower case, in either case.
    package func begins(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes.makeIterator()
        for byte in text.utf8 where rest.next()?.lowercasedASCII != byte { return false }
        return true
    }

    /// Whether the word, which is in lower case, is anywhere in `bytes`, in either case.
    package func isPart(of bytes: [UInt8]) -> Bool {
        guard let first = text.utf8.first else { return true }
        for (index, byte) in bytes.enumerated()
        where byte.lowercasedASCII == first && begins(bytes[index...]) {
            return true
        }
        return false
    }
}

extension UInt8 {
    /// A capital letter of ASCII as its small one; any other byte as it is.
    package var lowercasedASCII: UInt8 { (0x41...0x5a).contains(self) ? self | 0x20 : self }
}
