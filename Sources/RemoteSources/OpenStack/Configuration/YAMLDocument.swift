// A file of settings in YAML.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Why a file of settings cannot be understood.
struct ConfigurationSyntaxError: Error, Equatable, CustomStringConvertible {
    /// From 1; 0 where none can be told.
    let line: Int
    let reason: String

    var description: String { line > 0 ? "line \(line): \(reason)" : reason }
}

/// Reads YAML so that its aliases cannot be a product: ten lines of ten aliases each, one upon the other, stand for
/// 10^10 values. What an alias stands for shares its memory, and is counted each time.
struct YAMLDocument {
    /// Of a file, in bytes: a thousand clouds.
    static let byteLimit = 256 << 10
    /// Values that a file may stand for, aliases included.
    static let valueLimit = 50_000
    static let depthLimit = 32
    /// Escapes such as `\u0301`. A text of thousands of marks takes a long time to compare.
    private static let escapeLimit = 1_000
    private static let longestForeignRun = 1_000
    /// Lines that begin with `%`: the library compares each `%TAG` with all others.
    private static let directiveLimit = 100

    private let events: YAMLEvents
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
        guard String(validating: text, as: UTF8.self) != nil else {
            throw ConfigurationSyntaxError(line: 0, reason: "it is not UTF-8")
        }
        try checkCharacters(text)
        var document = YAMLDocument(events: try YAMLEvents(text))
        return try document.root()
    }

    private init(events: YAMLEvents) {
        self.events = events
    }

    private static func checkCharacters(_ text: [UInt8]) throws(ConfigurationSyntaxError) {
        var run = 0
        var line = 1
        var escapeCount = 0
        var directiveCount = 0
        var isLineStart = true
        for byte in text {
            run = byte < 0x80 ? 0 : run + 1
            if byte == UInt8(ascii: "\\") { escapeCount += 1 }
            if isLineStart, byte == UInt8(ascii: "%") { directiveCount += 1 }
            guard run <= longestForeignRun, escapeCount <= escapeLimit else {
                throw ConfigurationSyntaxError(
                    line: line, reason: "too many characters outside of ASCII, or escapes")
            }
            guard directiveCount <= directiveLimit else {
                throw ConfigurationSyntaxError(line: line, reason: "too many lines that begin with %")
            }
            isLineStart = byte == 0x0a || byte == 0x0d
            if byte == 0x0a { line += 1 }
        }
    }

    private mutating func root() throws(ConfigurationSyntaxError) -> ConfigurationSection {
        guard try events.next().kind == .documentStart else { return ConfigurationSection() }
        let event = try events.next()
        let value = try value(of: event, depth: 0)
        guard try events.next().kind == .documentEnd else { throw Self.error(event, "it is no YAML") }
        let end = try events.next()
        guard end.kind == .streamEnd else { throw Self.error(end, "a second document in one file") }
        if value.isNull { return ConfigurationSection() }
        guard let section = value.section else {
            throw Self.error(event, "it is not a list of names and values")
        }
        return section
    }
}

extension YAMLDocument {
    private mutating func count(_ more: Int, _ event: YAMLEvent) throws(ConfigurationSyntaxError) {
        valueCount += more
        guard valueCount <= Self.valueLimit else {
            throw Self.error(event, "it stands for more than \(Self.valueLimit) values")
        }
    }

    private static func error(_ event: YAMLEvent, _ reason: String) -> ConfigurationSyntaxError {
        ConfigurationSyntaxError(line: event.line, reason: reason)
    }

    /// The value that begins with `event`.
    private mutating func value(
        of event: YAMLEvent, depth: Int
    ) throws(ConfigurationSyntaxError) -> ConfigurationValue {
        guard depth < Self.depthLimit else { throw Self.error(event, "it is nested too deeply") }
        let before = valueCount
        try count(1, event)
        let value: ConfigurationValue
        switch event.kind {
        case .text(let text, let isPlain): value = .text(text, isPlain: isPlain)
        case .alias(let name):
            // What is named within itself is not there yet, either.
            guard let anchored = anchors[name] else { throw Self.error(event, "an alias without an anchor") }
            try count(anchored.valueCount, event)
            return anchored.value
        case .listStart:
            var list: [ConfigurationValue] = []
            while true {
                let element = try events.next()
                guard element.kind != .listEnd else { break }
                list.append(try self.value(of: element, depth: depth + 1))
            }
            value = .list(list)
        case .sectionStart: value = .section(try section(depth: depth))
        default: throw Self.error(event, "it is no YAML")
        }
        if let anchor = event.anchor {
            anchors[anchor] = Anchored(value: value, valueCount: valueCount - before)
        }
        return value
    }

    /// The names and values up to the end of a mapping.
    private mutating func section(depth: Int) throws(ConfigurationSyntaxError) -> ConfigurationSection {
        var own = ConfigurationSection()
        var merged: [(section: ConfigurationSection, event: YAMLEvent)] = []
        while true {
            let key = try events.next()
            guard key.kind != .sectionEnd else { break }
            guard case .text(let name, let isPlain) = key.kind else {
                throw Self.error(key, "a name that is not a plain text")
            }
            let event = try events.next()
            let value = try value(of: event, depth: depth + 1)
            if let anchor = key.anchor {
                anchors[anchor] = Anchored(value: .text(name, isPlain: isPlain), valueCount: 1)
            }
            let bytes = Array(name.utf8)
            if isPlain, bytes == Array("<<".utf8) {
                for section in try Self.mergedSections(value, event) { merged.append((section, event)) }
            } else {
                guard own.entries[bytes] == nil else { throw Self.error(key, "a name that is there twice") }
                own.set(bytes, to: value)
            }
        }
        // A mapping's own values count before merged ones, and earlier merged ones before later.
        for (section, event) in merged {
            try count(section.entries.count, event)
            for (name, value) in section.entries where own.entries[name] == nil { own.set(name, to: value) }
        }
        return own
    }

    private static func mergedSections(
        _ value: ConfigurationValue, _ event: YAMLEvent
    ) throws(ConfigurationSyntaxError) -> [ConfigurationSection] {
        let values: [ConfigurationValue] = if case .list(let list) = value { list } else { [value] }
        var sections: [ConfigurationSection] = []
        for value in values {
            guard let section = value.section else { throw error(event, "<< wants sections") }
            sections.append(section)
        }
        return sections
    }
}
