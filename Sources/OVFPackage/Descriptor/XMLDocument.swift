// Reads XML from people we do not trust, with libxml2's pull parser.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import CXML2

/// A document as a tree of elements. Nothing outside its bytes is read, and nothing in it is expanded.
///
/// Document type declarations are refused in every encoding, so there are no entities. Safe on any thread.
package struct XMLDocument: Sendable {
    package let root: XMLElement

    /// Longest document, in bytes; the longest real descriptor known is 4.1 MB.
    package static let maximumByteCount = 16 << 20
    /// Deepest nesting of elements.
    package static let maximumDepth = 256
    /// Most elements.
    static let maximumElementCount = 400_000
    /// Most attributes in all.
    static let maximumAttributeCount = 1_000_000

    /// - Throws: `DescriptorError` with the line where the document is not well-formed or breaks a limit.
    package init(
        parsing bytes: [UInt8], budget: OpeningBudget = OpeningBudget()
    ) throws(DescriptorError) {
        guard !bytes.isEmpty else { throw DescriptorError("the descriptor is empty") }
        guard bytes.count <= Self.maximumByteCount else {
            throw DescriptorError("the descriptor is longer than \(Self.maximumByteCount) bytes")
        }
        let (text, isConverted) = try XMLEncoding.transparentBytes(of: bytes)
        let sideNodeCount = UInt64(try XMLPrescan.check(text))
        let parserByteCount = sideNodeCount &* XMLPrescan.bytesPerSideNode
        do throws(ReadError) {
            try budget.take(
                parserByteCount,
                for: "\(sideNodeCount) processing instructions, comments and CDATA sections of the descriptor"
            )
        } catch {
            throw DescriptorError(error)
        }
        // They are the parser's, and not kept.
        defer { budget.giveBack(parserByteCount) }
        let result: Result<XMLElement, DescriptorError> = unsafe text.withUnsafeBufferPointer {
            buffer in
            do throws(DescriptorError) {
                // SAFETY: the buffer outlives the reader, which ends with the call.
                return .success(
                    try unsafe Self.parse(buffer, encoding: isConverted ? "UTF-8" : nil, budget))
            } catch {
                return .failure(error)
            }
        }
        root = try result.get()
    }

    // SAFETY: the buffer outlives the reader; every string that the reader lends is copied before it goes on.
    private static func parse(
        _ buffer: UnsafeBufferPointer<UInt8>, encoding: String?, _ budget: OpeningBudget
    ) throws(DescriptorError) -> XMLElement {
        _ = initialization
        xmlResetLastError()
        // Errors of text encodings go to the thread's handler, which would write them to standard error.
        unsafe xmlSetStructuredErrorFunc(nil) { _, _ in }
        defer { xmlSetStructuredErrorFunc(nil, nil) }
        let options =
            XML_PARSE_NONET.rawValue | XML_PARSE_NOERROR.rawValue | XML_PARSE_NOWARNING.rawValue
            | XML_PARSE_BIG_LINES.rawValue
        let opened = unsafe buffer.withMemoryRebound(to: CChar.self) { characters in
            unsafe xmlReaderForMemory(
                characters.baseAddress, CInt(characters.count), nil, encoding, CInt(options))
        }
        guard let reader = unsafe opened else { throw DescriptorError("the XML parser could not start") }
        defer { unsafe xmlFreeTextReader(reader) }
        var builder = XMLTreeBuilder(budget)
        var names = NameTable()
        while true {
            switch unsafe xmlTextReaderRead(reader) {
            case 1: try unsafe take(reader, &builder, &names)
            case 0:
                guard let root = builder.root else { throw DescriptorError("there is no element") }
                return root
            default: throw unsafe parserError(reader)
            }
        }
    }

    // SAFETY: `reader` stands on a node; see `parse`.
    private static func take(
        _ reader: xmlTextReaderPtr, _ builder: inout XMLTreeBuilder, _ names: inout NameTable
    ) throws(DescriptorError) {
        let kind = unsafe xmlTextReaderNodeType(reader)
        switch UInt32(bitPattern: kind) {
        case XML_READER_TYPE_ELEMENT.rawValue:
            let isEmpty = unsafe xmlTextReaderIsEmptyElement(reader) == 1
            let node = unsafe xmlTextReaderCurrentNode(reader)
            let line = unsafe node.map { unsafe xmlGetLineNo($0) } ?? 0
            let (namespace, name) = unsafe names.current(reader)
            try builder.open(namespace, name, unsafe attributes(reader, &names), line: line)
            if isEmpty { try builder.close() }
        case XML_READER_TYPE_END_ELEMENT.rawValue: try builder.close()
        case XML_READER_TYPE_TEXT.rawValue, XML_READER_TYPE_CDATA.rawValue:
            if let value = unsafe xmlTextReaderConstValue(reader) { try builder.add(unsafe string(value)) }
        case XML_READER_TYPE_DOCUMENT_TYPE.rawValue:
            throw documentTypeError(line: unsafe Int(xmlTextReaderGetParserLineNumber(reader)))
        case XML_READER_TYPE_ENTITY_REFERENCE.rawValue:
            throw DescriptorError(
                element: builder.currentName, line: unsafe Int(xmlTextReaderGetParserLineNumber(reader)),
                "entities are not allowed")
        default: break
        }
    }

    // SAFETY: `reader` stands on an element; see `parse`.
    private static func attributes(
        _ reader: xmlTextReaderPtr, _ names: inout NameTable
    ) -> [XMLElement.Attribute] {
        guard unsafe xmlTextReaderMoveToFirstAttribute(reader) == 1 else { return [] }
        var attributes: [XMLElement.Attribute] = []
        repeat {
            guard unsafe xmlTextReaderIsNamespaceDecl(reader) != 1 else { continue }
            let (namespace, name) = unsafe names.current(reader)
            let value = unsafe xmlTextReaderConstValue(reader).map { unsafe string($0) } ?? ""
            attributes.append(XMLElement.Attribute(namespace: namespace, name: name, value: value))
        } while unsafe xmlTextReaderMoveToNextAttribute(reader) == 1
        unsafe _ = xmlTextReaderMoveToElement(reader)
        return attributes
    }

    // SAFETY: libxml2 keeps the last error of the thread until the next one; it is copied here.
    private static func parserError(_ reader: xmlTextReaderPtr) -> DescriptorError {
        guard let error = unsafe xmlGetLastError() else {
            return DescriptorError(
                line: unsafe Int(xmlTextReaderGetParserLineNumber(reader)), "the text is not well-formed XML")
        }
        let message = unsafe error.pointee.message.map { unsafe String(cString: $0) } ?? ""
        let words = String(displaying: Array(message.utf8.filter { $0 != 0x0a }))
        return DescriptorError(line: unsafe max(0, Int(error.pointee.line)), "not well-formed XML: \(words)")
    }

    private static func documentTypeError(line: Int) -> DescriptorError {
        DescriptorError(element: "!DOCTYPE", line: line, "document type declarations are not allowed")
    }

    // SAFETY: `text` ends with a NUL and is copied at once.
    fileprivate static func string(_ text: UnsafePointer<xmlChar>) -> String {
        unsafe String(cString: text)
    }

    /// libxml2 asks for one call before threads use it.
    private static let initialization: Void = xmlInitParser()
}

/// The namespaces, each made a string once: libxml2 keeps one copy of each while the reader lives.
private struct NameTable {
    private var strings: [UInt: String] = [:]

    // SAFETY: `reader` stands on an element or attribute, and has lent no name that it has freed.
    mutating func current(_ reader: xmlTextReaderPtr) -> (namespace: String, name: String) {
        let name = unsafe xmlTextReaderConstLocalName(reader).map { unsafe XMLDocument.string($0) } ?? ""
        let namespace = unsafe interned(xmlTextReaderConstNamespaceUri(reader))
        // A prefix that is not declared stays in the name.
        guard namespace.isEmpty, let colon = name.lastIndex(of: ":") else { return (namespace, name) }
        return ("", String(name[name.index(after: colon)...]))
    }

    // SAFETY: `text` is nil or a string of the reader's dictionary, whose address means the same string until
    // the reader ends.
    private mutating func interned(_ text: UnsafePointer<xmlChar>?) -> String {
        guard let text = unsafe text else { return "" }
        let key = UInt(bitPattern: text)
        if let known = strings[key] { return known }
        let string = unsafe XMLDocument.string(text)
        strings[key] = string
        return string
    }
}
