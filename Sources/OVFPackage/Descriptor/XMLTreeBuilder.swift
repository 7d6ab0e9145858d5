// Makes a tree of what a pull parser reports, within limits.
// SPDX-License-Identifier: Apache-2.0

/// The elements that are open, and the root once it is closed.
struct XMLTreeBuilder {
    private(set) var root: XMLElement?
    private var stack: [XMLElement] = []
    private var elementCount = 0
    private var attributeCount = 0

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
        stack.append(
            XMLElement(
                namespace: namespace, name: name, attributes: attributes, text: "", children: [], line: line))
    }

    mutating func add(_ text: String) {
        guard !stack.isEmpty else { return }
        stack[stack.count - 1].text += text
    }

    /// An end tag.
    mutating func close() {
        guard let element = stack.popLast() else { return }
        if stack.isEmpty {
            root = element
        } else {
            stack[stack.count - 1].children.append(element)
        }
    }
}
