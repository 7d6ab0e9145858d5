// What libyaml finds in a text, one step after the other.
// SPDX-License-Identifier: Apache-2.0

import CYAML

/// A step through a document.
struct YAMLEvent {
    enum Kind: Equatable {
        case documentStart
        case documentEnd
        case streamEnd
        /// `isPlain`: without quotes and without a tag.
        case text(String, isPlain: Bool)
        case alias([UInt8])
        case listStart
        case listEnd
        case sectionStart
        case sectionEnd
    }

    let kind: Kind
    let anchor: [UInt8]?
    /// From 1.
    let line: Int
}

/// Reads a text with libyaml's events, so that nothing is kept of it and nothing is expanded.
/// Spec: YAML 1.1, 3.1, "Processes": the serialization's events.
// SAFETY: the parser and the text that it reads from are allocated with the reader and given back with it.
@safe final class YAMLEvents {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let text: UnsafeMutableBufferPointer<UInt8>

    init(_ bytes: [UInt8]) throws(ConfigurationSyntaxError) {
        unsafe parser = .allocate(capacity: 1)
        unsafe text = .allocate(capacity: max(1, bytes.count))
        // SAFETY: there is room for all bytes.
        _ = unsafe text.initialize(from: bytes)
        // SAFETY: this makes all of the parser's memory, or none.
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            // SAFETY: a parser of zeros may be given back.
            unsafe parser.initialize(to: yaml_parser_t())
            throw Self.noMemory
        }
        // SAFETY: the text lives as long as the parser.
        unsafe yaml_parser_set_input_string(parser, text.baseAddress, bytes.count)
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe text.deallocate()
    }

    private static let noMemory = ConfigurationSyntaxError(line: 0, reason: "there is no memory to read it")

    /// - Throws: `ConfigurationSyntaxError` where the text is no YAML; there is no next event then.
    func next() throws(ConfigurationSyntaxError) -> YAMLEvent {
        while true {
            var event = unsafe yaml_event_t()
            // SAFETY: the event is given back before the next one is made.
            guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw failure() }
            defer { unsafe yaml_event_delete(&event) }
            let line = Self.line(unsafe event.start_mark.line)
            var anchor: [UInt8]?
            let kind: YAMLEvent.Kind
            switch unsafe event.type {
            case YAML_DOCUMENT_START_EVENT: kind = .documentStart
            case YAML_DOCUMENT_END_EVENT: kind = .documentEnd
            case YAML_STREAM_END_EVENT: kind = .streamEnd
            case YAML_SCALAR_EVENT:
                let scalar = unsafe event.data.scalar
                unsafe anchor = Self.name(scalar.anchor)
                // SAFETY: the event owns so many bytes, which are copied.
                let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
                let isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE && scalar.tag == nil
                kind = .text(unsafe String(decoding: bytes, as: UTF8.self), isPlain: isPlain)
            case YAML_ALIAS_EVENT: kind = .alias(unsafe Self.name(event.data.alias.anchor) ?? [])
            case YAML_SEQUENCE_START_EVENT:
                unsafe anchor = Self.name(event.data.sequence_start.anchor)
                kind = .listStart
            case YAML_SEQUENCE_END_EVENT: kind = .listEnd
            case YAML_MAPPING_START_EVENT:
                unsafe anchor = Self.name(event.data.mapping_start.anchor)
                kind = .sectionStart
            case YAML_MAPPING_END_EVENT: kind = .sectionEnd
            case YAML_STREAM_START_EVENT: continue
            default: throw ConfigurationSyntaxError(line: line, reason: "it is no YAML")
            }
            return YAMLEvent(kind: kind, anchor: anchor, line: line)
        }
    }

    /// Of the library's error only its own words are taken: the text may hold a password.
    private func failure() -> ConfigurationSyntaxError {
        let error = unsafe parser.pointee.error
        guard error != YAML_MEMORY_ERROR else { return Self.noMemory }
        var line = Self.line(unsafe parser.pointee.problem_mark.line)
        if error == YAML_READER_ERROR {
            let offset = unsafe min(parser.pointee.problem_offset, text.count)
            // SAFETY: the offset is within the text.
            line = unsafe text.prefix(offset).count { $0 == 0x0a } + 1
        }
        // SAFETY: a text of the library's own, which is copied.
        let words = unsafe parser.pointee.problem.map { unsafe String(cString: $0) }
        return ConfigurationSyntaxError(line: line, reason: ServiceText.quotable(words ?? "it is no YAML"))
    }

    /// The library counts from 0.
    private static func line(_ number: Int) -> Int {
        min(max(0, number), Int(Int32.max)) + 1
    }

    // SAFETY: a name of the library's ends with a NUL, and is copied.
    private static func name(_ text: UnsafeMutablePointer<UInt8>?) -> [UInt8]? {
        guard let text = unsafe text else { return nil }
        return unsafe Array(String(cString: text).utf8)
    }
}
