// An element of a parsed XML document.
// SPDX-License-Identifier: Apache-2.0

/// An element with its attributes, its text and its children.
package struct XMLElement: Sendable, Equatable {
    /// The URI of the element's namespace; empty where it has none.
    package let namespace: String
    /// The name without its prefix.
    package let name: String
    /// In the document's order, without namespace declarations.
    package let attributes: [Attribute]
    /// The text directly in the element, CDATA included, as it is written.
    package internal(set) var text: String
    package internal(set) var children: [XMLElement]
    /// The line on which the start tag ends, from 1.
    package let line: Int

    package struct Attribute: Sendable, Equatable {
        package let namespace: String
        package let name: String
        package let value: String
    }
}
