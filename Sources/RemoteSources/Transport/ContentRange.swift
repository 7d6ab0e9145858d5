// Which bytes an answer says that it holds.
// SPDX-License-Identifier: Apache-2.0

/// The header Content-Range, in bytes.
/// Spec: RFC 9110, 14.4.
struct ContentRange: Equatable {
    /// Nil in the answer that there is no such range.
    let range: Range<UInt64>?
    /// The length of the whole; nil where the server does not know it.
    let total: UInt64?

    /// No file is longer, in bytes: what is added to a place in one cannot overflow.
    static let mostByteCount = UInt64(Int64.max)

    /// Nil where `text` is none, contradicts itself, or tells of what no file has.
    init?(_ text: String) {
        let words = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        if parts[1] == "*" {
            total = nil
        } else {
            guard let number = Self.number(parts[1]), number <= Self.mostByteCount else { return nil }
            total = number
        }
        if parts[0] == "*" {
            guard total != nil else { return nil }
            range = nil
            return
        }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]),
            first <= last, last < total ?? Self.mostByteCount
        else { return nil }
        range = first..<(last + 1)
    }

    /// Digits and nothing else.
    static func number(_ text: some StringProtocol) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return UInt64(text)
    }
}
