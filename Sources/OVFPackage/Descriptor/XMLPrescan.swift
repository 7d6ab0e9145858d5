// Looks over the text of an XML document before libxml2 reads it.
// SPDX-License-Identifier: Apache-2.0

/// Bounds what libxml2 does in quadratic time: it compares each attribute of an element with every other, and looks
/// each prefix up among all namespaces in scope. No limit of its own stops that in time.
///
/// Only what is well-formed has to be understood: libxml2 ends at the first thing that is not.
struct XMLPrescan {
    /// Most attributes of an element, namespace declarations among them.
    static let maximumAttributeCount = 256
    /// Longest start tag, in bytes: values of properties may be whole files.
    static let maximumTagByteCount = 1 << 20
    /// Most namespaces in scope at one place.
    static let maximumNamespaceCount = 256

    private let bytes: [UInt8]
    private var position = 0
    /// For each open element, the namespaces that it declares.
    private var declared: [Int] = []
    private var namespaceCount = 0
    /// Processing instructions, comments and CDATA sections. libxml2 keeps each of them, and the text before it, until
    /// the element around them ends.
    private var sideNodeCount = 0

    /// What libxml2 takes for one of them and the text before it, in bytes: measured, and rounded up.
    static let bytesPerSideNode: UInt64 = 288

    /// - Returns: how many processing instructions, comments and CDATA sections there are.
    /// - Throws: `DescriptorError` where a document type is declared, or a bound is passed.
    static func check(_ bytes: [UInt8]) throws(DescriptorError) -> Int {
        var scan = XMLPrescan(bytes)
        try scan.run()
        return scan.sideNodeCount
    }

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    private mutating func run() throws(DescriptorError) {
        while let start = bytes[position...].firstIndex(of: UInt8(ascii: "<")) {
            position = start
            if skip("<?", to: "?>") || skip("<!--", to: "-->") || skip("<![CDATA[", to: "]]>") {
                sideNodeCount += 1
                continue
            }
            if bytes[start...].starts(with: "<!".utf8) {
                throw error("!DOCTYPE", at: start, "document type declarations are not allowed")
            }
            if skip("</", to: ">") {
                namespaceCount -= declared.popLast() ?? 0
                continue
            }
            try takeStartTag()
            // Deeper than this no one reads on.
            guard declared.count <= XMLDocument.maximumDepth else { return }
        }
    }

    /// Goes behind `end` where `start` is here.
    private mutating func skip(_ start: StaticString, to end: StaticString) -> Bool {
        let text = start.description.utf8
        guard bytes[position...].starts(with: text) else { return false }
        let mark = Array(end.description.utf8)
        var index = position + text.count
        while let found = bytes[index...].firstIndex(of: mark[0]) {
            if bytes[found...].starts(with: mark) {
                position = found + mark.count
                return true
            }
            index = found + 1
        }
        position = bytes.count
        return true
    }

    /// Goes behind the `>` of the start tag that is here. A `=` outside of quotes is an attribute.
    private mutating func takeStartTag() throws(DescriptorError) {
        let start = position
        var index = start + 1
        var attributeCount = 0
        var namespaces = 0
        var quote: UInt8?
        var nameStart: Int?
        while index < bytes.count {
            guard index - start <= Self.maximumTagByteCount else {
                throw error(nil, at: start, "a start tag is longer than \(Self.maximumTagByteCount) bytes")
            }
            let byte = bytes[index]
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if byte == UInt8(ascii: "=") {
                attributeCount += 1
                if let name = nameStart, bytes[name...].starts(with: "xmlns".utf8) { namespaces += 1 }
                nameStart = nil
            } else if byte == UInt8(ascii: ">") {
                break
            } else if byte <= 0x20 {
                // The name ends here, and the = may follow.
                if index + 1 < bytes.count, bytes[index + 1] > 0x20, bytes[index + 1] != UInt8(ascii: "=") {
                    nameStart = index + 1
                }
            }
            index += 1
        }
        guard attributeCount <= Self.maximumAttributeCount else {
            throw error(nil, at: start, "an element has more than \(Self.maximumAttributeCount) attributes")
        }
        position = min(index + 1, bytes.count)
        guard bytes[..<min(index, bytes.count)].last != UInt8(ascii: "/") else {
            guard namespaceCount + namespaces <= Self.maximumNamespaceCount else {
                throw tooManyNamespaces(at: start)
            }
            return
        }
        declared.append(namespaces)
        namespaceCount += namespaces
        guard namespaceCount <= Self.maximumNamespaceCount else { throw tooManyNamespaces(at: start) }
    }

    private func tooManyNamespaces(at offset: Int) -> DescriptorError {
        error(nil, at: offset, "more than \(Self.maximumNamespaceCount) namespaces are in scope")
    }

    private func error(_ element: String?, at offset: Int, _ reason: String) -> DescriptorError {
        let line = bytes[..<offset].reduce(into: 1) { $0 += $1 == 0x0a ? 1 : 0 }
        let name = bytes[offset...].dropFirst().prefix { $0 > 0x20 && $0 != UInt8(ascii: ">") }
        return DescriptorError(
            element: element ?? String(displaying: Array(name.prefix(100))), line: line, reason)
    }
}
