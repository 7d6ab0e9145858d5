// Makes a tree of what a pull parser reports, within limits.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The elements that are open, and the root once it is closed.
struct XMLTreeBuilder {
    private(set) var root: XMLElement?
    private let budget: OpeningBudget
    private var stack: [XMLElement] = []
    private var elementCount = 0
    private var attributeCount = 0

    /// What an element and what an attribute take beside their text, in bytes: in the tree, and in what is made of it.
    private static let bytesPerElement = 192
    private static let bytesPerAttribute = 96
    /// Longest name of a namespace, in bytes: it is compared for every attribute.
    private static let maximumNamespaceByteCount = 4096

    init(_ budget: OpeningBudget) {
        self.budget = budget
    }

    /// The innermost open element's name.
    var currentName: String { stack.last?.name ?? "" }

    /// A start tag.
    mutating func open(
        _ namespace: String, _ name: String, _ attributes: [XMLElement.Attribute], line: Int
    ) throws(DescriptorError) {
        elementCount += 1
        attributeCount += attributes.count
        guard stack.count < XMLDocument.maximumDepth else {
            throw DescriptorError(
                element: name, line: line, "nested deeper than \(XMLDocument.maximumDepth) elements")
        }
        guard elementCount <= XMLDocument.maximumElementCount,
            attributeCount <= XMLDocument.maximumAttributeCount
        else {
            throw DescriptorError(
                element: name, line: line,
                "more than \(XMLDocument.maximumElementCount) elements or \(XMLDocument.maximumAttributeCount) attributes"
            )
        }
        var byteCount = Self.bytesPerElement + name.utf8.count
        try checkMarks(name, of: name, line: line)
        try check(namespace, of: name, line: line)
        for attribute in attributes {
            byteCount += Self.bytesPerAttribute + attribute.name.utf8.count + attribute.value.utf8.count
            try check(attribute.namespace, of: name, line: line)
            try checkMarks(attribute.name, of: name, line: line)
            try checkMarks(attribute.value, of: name, line: line)
        }
        try take(byteCount, line: line)
        stack.append(
            XMLElement(
                namespace: namespace, name: name, attributes: attributes, text: "", children: [], line: line))
    }

    mutating func add(_ text: String) throws(DescriptorError) {
        guard let last = stack.last else { return }
        // White space between elements is kept, too, in a string's own bytes where it is short.
        if text.utf8.count > 15 { try take(2 * text.utf8.count, line: last.line) }
        stack[stack.count - 1].text += text
    }

    /// An end tag.
    mutating func close() throws(DescriptorError) {
        guard let element = stack.popLast() else { return }
        try checkMarks(element.text, of: element.name, line: element.line)
        if stack.isEmpty {
            root = element
        } else {
            stack[stack.count - 1].children.append(element)
        }
    }

    private func take(_ byteCount: Int, line: Int) throws(DescriptorError) {
        do throws(ReadError) {
            try budget.take(UInt64(byteCount), for: "the descriptor, up to its line \(line),")
        } catch {
            throw DescriptorError(error)
        }
    }

    private func check(_ namespace: String, of name: String, line: Int) throws(DescriptorError) {
        guard namespace.utf8.count <= Self.maximumNamespaceByteCount else {
            throw DescriptorError(
                element: name, line: line,
                "the name of a namespace is longer than \(Self.maximumNamespaceByteCount) bytes")
        }
        try checkMarks(namespace, of: name, line: line)
    }

    private func checkMarks(_ text: String, of name: String, line: Int) throws(DescriptorError) {
        guard CombiningMarks.areFew(in: text) else {
            throw DescriptorError(
                element: name, line: line,
                "a character has more than \(CombiningMarks.maximumCount) combining marks")
        }
    }
}
