// What tells one version of a remote object from another.
// SPDX-License-Identifier: Apache-2.0

/// What must not change while an object is read.
package struct ObjectVersion: Sendable, Hashable {
    package enum Validator: Sendable, Hashable {
        /// A strong entity tag, with its quotes.
        case entityTag(String)
        /// A date as the server writes it.
        case lastModified(String)
        /// What the image service says of an image; the answers that carry its bytes do not repeat it.
        case image(digest: String, updatedAt: String)
    }

    /// Length of the whole, in bytes.
    package let byteCount: UInt64
    /// Nil where the server says nothing that would change with the bytes.
    package let validator: Validator?

    /// Of an object whose length no one has said yet.
    static let unknownByteCount = UInt64.max

    package init(byteCount: UInt64, validator: Validator?) {
        self.byteCount = byteCount
        self.validator = validator
    }
}

extension ObjectVersion.Validator {
    /// What the headers of an answer say: a strong entity tag, else the time of the last modification.
    /// Spec: RFC 9110, 8.8.
    init?(_ headers: HTTPHeaders) {
        if let tag = Self.strongTag(headers) {
            self = .entityTag(tag)
        } else if let date = Self.date(headers) {
            self = .lastModified(date)
        } else {
            return nil
        }
    }

    /// Whether the answers that carry the bytes do not repeat it.
    var isOfImage: Bool {
        if case .image = self { true } else { false }
    }

    /// Nil where the tag is weak, is none, or there are several.
    static func strongTag(_ headers: HTTPHeaders) -> String? {
        guard let tag = try? headers.only("etag"), tag.utf8.count >= 2, tag.utf8.count <= 1_024,
            tag.hasPrefix("\""), tag.hasSuffix("\""),
            tag.utf8.dropFirst().dropLast().allSatisfy({ (0x21...0x7e).contains($0) && $0 != 0x22 })
        else { return nil }
        return tag
    }

    static func date(_ headers: HTTPHeaders) -> String? {
        guard let date = try? headers.only("last-modified"), !date.isEmpty, date.utf8.count <= 64,
            date.utf8.allSatisfy({ (0x20...0x7e).contains($0) })
        else { return nil }
        return date
    }
}
