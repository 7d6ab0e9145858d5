// A file of settings in YAML.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Yams

/// Why a file of settings cannot be understood.
struct ConfigurationSyntaxError: Error, Equatable, CustomStringConvertible {
    /// From 1; 0 where none can be told.
    let line: Int
    let reason: String

    var description: String { line > 0 ? "line \(line): \(reason)" : reason }
}

/// Reads YAML so that its aliases cannot be a product: ten lines of ten aliases each, one upon the other, stand for
/// 10^10 values, and the library compares the keys of mappings with all that is in them. So the library never sees an
/// alias. Each `*` is given to it as a sign that the file does not use; where a plain text begins with that sign there
/// was an alias, which is looked up here, and counted.
struct YAMLDocument {
    /// Of a file, in bytes: a thousand clouds.
    static let byteLimit = 256 << 10
    /// Values that a file may stand for, aliases included.
    static let valueLimit = 50_000
    static let depthLimit = 32
    /// Escapes such as `\u0301`. A key of thousands of marks takes a long time to compare.
    private static let escapeLimit = 1_000
    private static let longestForeignRun = 1_000

    private let mark: Unicode.Scalar
    private var anchors: [[UInt8]: Anchored] = [:]
    private var valueCount = 0

    private struct Anchored {
        let value: ConfigurationValue
        let valueCount: Int
    }

    /// The section that the one document of `text` is; an empty one where it says nothing.
    static func parse(_ text: [UInt8]) throws(ConfigurationSyntaxError) -> ConfigurationSection {
        guard text.count <= byteLimit else {
            throw ConfigurationSyntaxError(line: 0, reason: "it is longer than \(byteLimit >> 10) KiB")
        }
        guard let string = String(validating: text, as: UTF8.self) else {
            throw ConfigurationSyntaxError(line: 0, reason: "it is not UTF-8")
        }
        try checkMarks(text)
        let mark = try unusedSign(in: string)
        var document = YAMLDocument(mark: mark)
        var replaced = String.UnicodeScalarView()
        replaced.append(contentsOf: string.unicodeScalars.lazy.map { $0 == "*" ? mark : $0 })
        let parser: Parser
        let root: Node?
        do {
            parser = try Parser(yaml: String(replaced), resolver: .basic, encoding: .utf8)
            root = try parser.singleRoot()
        } catch {
            throw ConfigurationSyntaxError(error)
        }
        // The nodes' anchors belong to the parser.
        defer { withExtendedLifetime(parser) {} }
        guard let root else { return ConfigurationSection() }
        let value = try document.value(of: root, depth: 0)
        if value.isNull { return ConfigurationSection() }
        guard let section = value.section else {
            throw ConfigurationSyntaxError(line: 1, reason: "it is not a list of names and values")
        }
        return section
    }

    private init(mark: Unicode.Scalar) {
        self.mark = mark
    }

    private static func checkMarks(_ text: [UInt8]) throws(ConfigurationSyntaxError) {
        var run = 0
        var line = 1
        var escapeCount = 0
        for byte in text {
            run = byte < 0x80 ? 0 : run + 1
            if byte == 0x0a { line += 1 }
            if byte == UInt8(ascii: "\\") { escapeCount += 1 }
            guard run <= longestForeignRun, escapeCount <= escapeLimit else {
                throw ConfigurationSyntaxError(
                    line: line, reason: "too many characters outside of ASCII, or escapes")
            }
        }
    }

    /// A character for private use that is neither in the text nor written there as an escape.
    private static func unusedSign(in text: String) throws(ConfigurationSyntaxError) -> Unicode.Scalar {
        var used = Set<UInt32>()
        for scalar in text.unicodeScalars where (0xe000..<0xe100).contains(scalar.value) {
            used.insert(scalar.value)
        }
        let bytes = Array(text.utf8)
        for index in bytes.indices where bytes[index].lowercasedASCII == UInt8(ascii: "e") {
            let digits = String(decoding: bytes[index...].prefix(4), as: UTF8.self)
            if let value = UInt32(digits, radix: 16) { used.insert(value) }
        }
        guard let value = (UInt32(0xe000)..<0xe100).first(where: { !used.contains($0) }),
            let sign = Unicode.Scalar(value)
        else { throw ConfigurationSyntaxError(line: 0, reason: "it uses characters for private use") }
        return sign
    }
}

extension YAMLDocument {
    private mutating func count(_ more: Int, _ node: Node) throws(ConfigurationSyntaxError) {
        valueCount += more
        guard valueCount <= Self.valueLimit else {
            throw Self.error(node, "it stands for more than \(Self.valueLimit) values")
        }
    }

    private static func error(_ node: Node, _ reason: String) -> ConfigurationSyntaxError {
        ConfigurationSyntaxError(line: node.mark?.line ?? 0, reason: reason)
    }

    private mutating func value(of node: Node, depth: Int) throws(ConfigurationSyntaxError)
        -> ConfigurationValue
    {
        guard depth < Self.depthLimit else { throw Self.error(node, "it is nested too deeply") }
        let before = valueCount
        try count(1, node)
        let value: ConfigurationValue
        switch node {
        case .scalar(let scalar):
            if let name = try alias(of: node) {
                guard let anchored = anchors[name] else {
                    throw Self.error(node, "an alias without an anchor")
                }
                try count(anchored.valueCount, node)
                return anchored.value
            }
            value = .text(restored(scalar.string), isPlain: scalar.style == .plain && !node.isTagged)
        case .sequence(let sequence):
            var list: [ConfigurationValue] = []
            for element in sequence { list.append(try self.value(of: element, depth: depth + 1)) }
            value = .list(list)
        case .mapping(let mapping): value = .section(try section(of: mapping, depth: depth))
        case .alias: throw Self.error(node, "an alias that cannot be followed")
        }
        if let anchor = node.anchor {
            anchors[Array(anchor.rawValue.utf8)] = Anchored(value: value, valueCount: valueCount - before)
        }
        return value
    }

    private mutating func section(
        of mapping: Node.Mapping, depth: Int
    ) throws(ConfigurationSyntaxError) -> ConfigurationSection {
        var own = ConfigurationSection()
        var merged: [ConfigurationSection] = []
        for (key, node) in mapping {
            guard case .scalar(let name) = key, try alias(of: key) == nil else {
                throw Self.error(key, "a name that is not a plain text")
            }
            let value = try value(of: node, depth: depth + 1)
            if name.style == .plain, name.string.utf8.elementsEqual("<<".utf8) {
                merged += try Self.mergedSections(value, node)
            } else {
                own.set(Array(restored(name.string).utf8), to: value)
            }
        }
        // A mapping's own values count before merged ones, and earlier merged ones before later.
        for section in merged {
            try count(section.entries.count, key(of: mapping))
            for (name, value) in section.entries where own.entries[name] == nil { own.set(name, to: value) }
        }
        return own
    }

    private func key(of mapping: Node.Mapping) -> Node { .mapping(mapping) }

    private static func mergedSections(
        _ value: ConfigurationValue, _ node: Node
    ) throws(ConfigurationSyntaxError) -> [ConfigurationSection] {
        let values: [ConfigurationValue] = if case .list(let list) = value { list } else { [value] }
        var sections: [ConfigurationSection] = []
        for value in values {
            guard let section = value.section else { throw error(node, "<< wants sections") }
            sections.append(section)
        }
        return sections
    }

    /// The name that a plain text beginning with `*` refers to; nil for any other text.
    private func alias(of node: Node) throws(ConfigurationSyntaxError) -> [UInt8]? {
        guard case .scalar(let scalar) = node, scalar.style == .plain,
            scalar.string.unicodeScalars.first == mark
        else { return nil }
        let name = Array(scalar.string.unicodeScalars.dropFirst())
        guard !name.isEmpty,
            name.allSatisfy({
                $0.isASCII
                    && ($0.properties.isAlphabetic || "0"..."9" ~= $0 || "-_".unicodeScalars.contains($0))
            })
        else { throw Self.error(node, "an alias whose name is none; a text that begins with * needs quotes") }
        return name.map { UInt8(truncatingIfNeeded: $0.value) }
    }

    private func restored(_ text: String) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: text.unicodeScalars.lazy.map { $0 == mark ? "*" : $0 })
        return String(view)
    }
}

extension Node {
    /// Whether a tag says what the text is, such as `!!str`.
    fileprivate var isTagged: Bool {
        if case .scalar(let scalar) = self {
            scalar.tag.description != Tag.implicit.description
        } else {
            false
        }
    }
}

extension ConfigurationSyntaxError {
    /// From the library's error, of which only its own words are taken: it quotes the line, and that may be a password.
    fileprivate init(_ error: any Error) {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            self.init(line: mark.line, reason: ServiceText.quotable(problem))
        case .duplicatedKeysInMapping(_, let context):
            self.init(line: context.mark.line, reason: "a name that is there twice")
        case .reader(let problem, _, _, _): self.init(line: 0, reason: ServiceText.quotable(problem))
        default: self.init(line: 0, reason: "it is no YAML")
        }
    }
}
