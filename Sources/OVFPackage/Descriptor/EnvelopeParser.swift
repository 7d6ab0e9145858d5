// Reads a descriptor, in any of the dialects that are seen, into an `Envelope`.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// What a descriptor says, and what is questionable about it.
package struct EnvelopeParser {
    package private(set) var envelope = Envelope()
    /// The storage of each virtual system, in their order.
    package internal(set) var layouts: [StorageLayout] = []
    var log = WarningLog()
    /// Every property of the document, by key and by `class.key.instance`.
    var properties: [ByteString: String] = [:]
    let configuration: String?
    /// The ids of every configuration.
    let configurationNames: Set<ByteString>

    let budget: OpeningBudget

    package var warnings: [PackageWarning] { log.warnings }

    /// Reads and parses `source`.
    /// - Throws: `DescriptorError` where it cannot be understood; reading errors are one too, without a line.
    package init(
        reading source: any ByteSource, budget: OpeningBudget = OpeningBudget()
    ) throws(DescriptorError) {
        guard source.byteCount <= UInt64(XMLDocument.maximumByteCount) else {
            throw DescriptorError("the descriptor is longer than \(XMLDocument.maximumByteCount) bytes")
        }
        let bytes: [UInt8]
        do throws(ReadError) {
            bytes = try source.bytes(Int(source.byteCount), at: 0)
        } catch {
            throw DescriptorError(error)
        }
        try self.init(parsing: bytes, budget: budget)
    }

    /// Parses a descriptor.
    /// - Throws: `DescriptorError` with element and line where it cannot be understood.
    package init(
        parsing bytes: [UInt8], budget: OpeningBudget = OpeningBudget()
    ) throws(DescriptorError) {
        self.budget = budget
        let root = try XMLDocument(parsing: bytes, budget: budget).root
        guard root.name == "Envelope" else {
            throw DescriptorError(
                element: root.name, line: root.line, "the root element of a descriptor is Envelope")
        }
        let deployment = root.children.first { $0.sectionName == "DeploymentOptionSection" }
        envelope.configurations = Self.configurations(deployment)
        let chosen = envelope.configurations.first { $0.isDefault } ?? envelope.configurations.first
        configuration = chosen?.id
        configurationNames = Set(envelope.configurations.map { ByteString($0.id) })
        envelope.chosenConfiguration = chosen?.id
        checkHead(root)
        try collectProperties(of: root)
        try parseReferences(root)
        try parseDisks(root)
        parseNetworks(root)
        for element in root.children { try parseContent(element, collectionIndex: nil, isTop: true) }
        guard
            !envelope.files.isEmpty || !envelope.disks.isEmpty || !envelope.systems.isEmpty
                || !envelope.collections.isEmpty
        else {
            throw DescriptorError(
                element: root.name, line: root.line, "there is no file, no disk and no virtual system in it")
        }
        checkHostResources()
    }

    private mutating func checkHead(_ root: XMLElement) {
        envelope.namespace = root.namespace
        envelope.version = root.attribute("version")?.trimmed.nonEmpty
        if !root.isEnvelopeElement {
            log.add(
                .envelopeNamespace, "the namespace \"\(root.namespace)\" is not OVF's", line: root.line)
        } else if root.namespace.isEmpty {
            log.add(.envelopeNamespace, "the descriptor has no namespace", line: root.line)
        }
        for name in ["References", "DiskSection"]
        where !root.children.contains(where: { $0.sectionName == name }) {
            log.add(.elementMissing, "there is no \(name)", line: root.line)
        }
    }

    /// Sections of the envelope, of a collection or of a virtual system. Unknown ones are kept by name.
    mutating func parseContent(
        _ element: XMLElement, collectionIndex: Int?, isTop: Bool
    ) throws(DescriptorError) {
        switch element.sectionName {
        case "VirtualSystem":
            try take(EnvelopeCost.system, for: "a VirtualSystem", line: element.line)
            envelope.systems.append(try system(element, collectionIndex: collectionIndex))
        case "VirtualSystemCollection":
            let index = envelope.collections.count
            let systemCount = envelope.systems.count
            envelope.collections.append(
                VirtualSystemCollection(
                    id: element.attribute("id") ?? "", name: element.childText("Name"),
                    parentIndex: collectionIndex))
            for child in element.children {
                try parseContent(child, collectionIndex: index, isTop: false)
            }
            if envelope.systems.count == systemCount {
                let id = envelope.collections[index].id
                log.add(
                    .collectionEmpty, "the collection \"\(id)\" has no virtual system", line: element.line)
            }
        case "References", "DiskSection", "NetworkSection", "DeploymentOptionSection", "Strings", "Info",
            "Name":
            break
        case "GanetiSection":
            envelope.ganeti = Self.flattened(element)
        default:
            Self.describe(element, for: configuration, in: &envelope.descriptions)
        }
    }

    private mutating func parseNetworks(_ root: XMLElement) {
        for section in root.children where section.sectionName == "NetworkSection" {
            for network in section.children where network.name == "Network" {
                envelope.networks.append(
                    LogicalNetwork(
                        name: network.attribute("name") ?? "", description: network.childText("Description")))
            }
        }
    }

    private mutating func parseReferences(_ root: XMLElement) throws(DescriptorError) {
        var known: Set<ByteString> = []
        for section in root.children where section.name == "References" {
            for element in section.children where element.name == "File" {
                try take(EnvelopeCost.file, for: "a File", line: element.line)
                let file = try fileReference(element)
                if file.id.isEmpty {
                    log.add(.identifierMissing, "a File has no id", line: file.line)
                } else if !known.insert(ByteString(file.id)).inserted {
                    log.add(.identifierDuplicate, "two files have the id \"\(file.id)\"", line: file.line)
                }
                envelope.files.append(file)
            }
        }
    }

    private mutating func fileReference(_ element: XMLElement) throws(DescriptorError) -> FileReference {
        let href = element.attribute("href")?.trimmed ?? ""
        if href.isEmpty { log.add(.fileReferenceMissing, "a File has no href", line: element.line) }
        let compression: FileReference.Compression
        switch element.attribute("compression")?.trimmed.lowercased() {
        case nil, "", "identity": compression = .none
        case "gzip": compression = .gzip
        case let other?:
            compression = .other(other)
            log.add(.compressionUnknown, "the compression \"\(other)\" is not known", line: element.line)
        }
        let chunk = try number(element, "chunkSize")
        return FileReference(
            id: element.attribute("id")?.trimmed ?? "", href: href, byteCount: try number(element, "size"),
            compression: compression, chunkByteCount: chunk == 0 ? nil : chunk, line: element.line)
    }

    /// A number that is not negative; nil where the attribute is missing, empty, or no number.
    /// - Throws: `DescriptorError` where it is negative or too large.
    mutating func number(_ element: XMLElement, _ name: String) throws(DescriptorError) -> UInt64? {
        guard let text = element.attribute(name)?.trimmed.nonEmpty else { return nil }
        if let value = UInt64(text) { return value }
        let digits = text.first == "-" || text.first == "+" ? text.dropFirst() : text[...]
        guard digits.isEmpty || !digits.allSatisfy(\.isASCIIDigit) else {
            throw DescriptorError(
                element: element.name, line: element.line, "\(name) \"\(text)\" is negative or too large")
        }
        log.add(.valueInvalid, "\(name) \"\(text)\" of a \(element.name) is no number", line: element.line)
        return nil
    }

    /// Changes the envelope; for the parts of the parser that are in other files.
    mutating func update(_ change: (inout Envelope) -> Void) { change(&envelope) }

    private static func configurations(_ section: XMLElement?) -> [DeploymentConfiguration] {
        (section?.children ?? []).filter { $0.name == "Configuration" }.map {
            DeploymentConfiguration(
                id: $0.attribute("id") ?? "", label: $0.childText("Label"),
                description: $0.childText("Description"), isDefault: $0.flag("default"))
        }
    }
}

extension Character {
    var isASCIIDigit: Bool { isASCII && isNumber }
}
