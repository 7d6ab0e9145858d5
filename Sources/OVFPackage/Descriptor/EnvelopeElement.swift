// Elements and attributes of a descriptor, found the way real descriptors spell them.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// An element seen through the rules for names: local names, in a known namespace or none.
extension XMLElement {
    private static let envelopeNamespaces = [
        "http://schemas.dmtf.org/ovf/envelope/", "http://www.vmware.com/schema/ovf/1/envelope",
    ]

    /// Whether the element's name is OVF's.
    var isEnvelopeElement: Bool {
        namespace.isEmpty || Self.envelopeNamespaces.contains { namespace.hasPrefix($0) }
    }

    /// Longest name of a type that is looked at, in bytes.
    private static let maximumTypeByteCount = 256

    /// The name of a section: that of the element, or in OVF 0.9 the `xsi:type` of a `Section` or `Content`.
    var sectionName: String {
        guard name == "Section" || name == "Content" else { return name }
        let type = attributes.first { $0.name == "type" && $0.namespace.hasSuffix("XMLSchema-instance") }
        guard let value = type?.value ?? attribute("type") else {
            return name == "Content" ? "VirtualSystem" : name
        }
        // A type has no long name, and one that is long may be nothing but colons.
        let local = value.utf8.suffix(Self.maximumTypeByteCount).split(separator: UInt8(ascii: ":")).last
        let isSuffixed = local?.suffix(5).elementsEqual("_Type".utf8) ?? false
        return local.map { String(Substring(isSuffixed ? $0.dropLast(5) : $0)) } ?? value
    }

    /// The value of an attribute, with OVF's prefix or none; otherwise with any.
    func attribute(_ name: String) -> String? {
        var other: String?
        for attribute in attributes where attribute.name == name {
            if attribute.namespace.isEmpty
                || Self.envelopeNamespaces.contains(where: { attribute.namespace.hasPrefix($0) })
            {
                return attribute.value
            }
            other = other ?? attribute.value
        }
        return other
    }

    /// Whether an attribute says yes.
    func flag(_ name: String) -> Bool {
        guard let value = attribute(name).flatMap({ ASCIIWord(folding: $0.trimmed) }) else { return false }
        return value == "true" || value == "1"
    }

    /// The first child of that name.
    func child(_ name: String) -> XMLElement? { children.first { $0.name == name } }

    /// The text of the first child of one of the names that has any; empty where there is none.
    func childText(_ names: String...) -> String {
        for name in names {
            for child in children where child.name.caseInsensitiveEquals(name) {
                let text = child.text.trimmed
                if !text.isEmpty { return text }
            }
        }
        return ""
    }
}

extension String {
    /// The text without white space, in XML's sense, at its ends.
    /// Spec: XML 1.0, 2.3, production 3.
    var trimmed: String {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x0a || byte == 0x09 || byte == 0x0d }
        guard let first = utf8.first, let last = utf8.last, isSpace(first) || isSpace(last) else {
            return self
        }
        let start = utf8.drop(while: isSpace)
        guard let end = start.lastIndex(where: { !isSpace($0) }) else { return "" }
        // What follows is ASCII or nothing: the index is between two characters' scalars.
        return String(self[start.startIndex..<utf8.index(after: end)])
    }

    /// Whether the two are equal but for the case of ASCII letters.
    func caseInsensitiveEquals(_ other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        return self == other
            || utf8.elementsEqual(other.utf8) {
                $0.lowercasedASCII == $1.lowercasedASCII
            }
    }

    /// What is in front of the first slash that follows anything else, without slashes before it.
    var firstPart: Substring {
        let slash = UInt8(ascii: "/")
        let rest = utf8.drop { $0 == slash }
        return Substring(rest.prefix { $0 != slash })
    }

    /// What is behind the last slash that anything follows, without slashes behind it.
    var lastPart: Substring {
        let slash = UInt8(ascii: "/")
        guard let last = utf8.lastIndex(where: { $0 != slash }) else { return "" }
        let part = utf8[...last]
        return Substring(part[(part.lastIndex(of: slash).map { utf8.index(after: $0) } ?? startIndex)...])
    }

    /// The first `maximumWordCount` words of a list: what white space, or also commas, are between.
    func words(orCommas: Bool = false) -> [String] {
        let isSpace = { (byte: UInt8) in
            byte == 0x20 || (0x09...0x0d).contains(byte) || (orCommas && byte == UInt8(ascii: ","))
        }
        var words: [String] = []
        var rest = utf8[...]
        while words.count < Self.maximumWordCount {
            rest = rest.drop(while: isSpace)
            let word = rest.prefix { !isSpace($0) }
            guard !word.isEmpty else { break }
            words.append(String(Substring(word)))
            rest = rest[word.endIndex...]
        }
        return words
    }

    /// Most words of a list of types that are kept: a list of millions is not one.
    private static var maximumWordCount: Int { 256 }

    /// nil where the text is empty.
    var nonEmpty: String? { isEmpty ? nil : self }
}
