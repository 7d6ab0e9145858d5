// JSON of a server, taken apart within bounds.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Why a text is no JSON, or more of it than is taken.
struct JSONError: Error, Equatable, CustomStringConvertible {
    /// In bytes.
    let offset: Int
    let reason: String

    var description: String { "no JSON that can be used, at byte \(offset): \(reason)" }
}

/// Takes a text apart in one pass. Foundation's decoder makes dictionaries with text as keys, which a server can make
/// arbitrarily slow; this one compares bytes, and counts what it makes.
/// Spec: RFC 8259.
struct JSONParser {
    /// Nesting of arrays and objects; the services use six levels.
    static let depthLimit = 32
    /// Values of one text. An image has some 60; a page has 200 images at most.
    static let valueLimit = 200_000
    /// Digits, sign, point and exponent of a number.
    private static let numberLimit = 64

    private let text: [UInt8]
    private var position = 0
    private var valueCount = 0

    private init(_ text: [UInt8]) {
        self.text = text
    }

    /// The one value that `text` is.
    static func parse(_ text: [UInt8]) throws(JSONError) -> JSONValue {
        var parser = JSONParser(text)
        parser.skipSpace()
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.position == text.count else { throw parser.error("more follows the value") }
        return value
    }

    private var byte: UInt8? { position < text.count ? text[position] : nil }

    private func error(_ reason: String) -> JSONError {
        JSONError(offset: position, reason: position < text.count ? reason : "it ends too early")
    }

    private mutating func skipSpace() {
        while let byte, byte == 0x20 || (0x09...0x0a).contains(byte) || byte == 0x0d { position += 1 }
    }

    private mutating func take(_ wanted: UInt8) -> Bool {
        guard byte == wanted else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        valueCount += 1
        guard valueCount <= Self.valueLimit else { throw error("more than \(Self.valueLimit) values") }
        guard depth < Self.depthLimit else { throw error("nested more than \(Self.depthLimit) deep") }
        switch byte {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(String(decoding: try string(), as: UTF8.self))
        case UInt8(ascii: "t"): return try word("true", is: .boolean(true))
        case UInt8(ascii: "f"): return try word("false", is: .boolean(false))
        case UInt8(ascii: "n"): return try word("null", is: .null)
        default: return .number(try number())
        }
    }

    private mutating func word(_ word: StaticString, is value: JSONValue) throws(JSONError) -> JSONValue {
        let bytes = Array("\(word)".utf8)
        guard text[position...].starts(with: bytes) else { throw error("neither a value nor a word") }
        position += bytes.count
        return value
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONObject {
        position += 1
        var object = JSONObject()
        skipSpace()
        if take(UInt8(ascii: "}")) { return object }
        while true {
            skipSpace()
            guard byte == UInt8(ascii: "\"") else { throw error("a name is expected") }
            let name = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw error("a colon is expected") }
            skipSpace()
            object.set(name, to: try value(depth: depth + 1))
            skipSpace()
            if take(UInt8(ascii: "}")) { return object }
            guard take(UInt8(ascii: ",")) else { throw error("a comma is expected") }
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
        position += 1
        var values: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return values }
        while true {
            skipSpace()
            values.append(try value(depth: depth + 1))
            skipSpace()
            if take(UInt8(ascii: "]")) { return values }
            guard take(UInt8(ascii: ",")) else { throw error("a comma is expected") }
        }
    }

    private mutating func number() throws(JSONError) -> String {
        let start = position
        _ = take(UInt8(ascii: "-"))
        let firstDigit = position
        try digits()
        guard text[firstDigit] != UInt8(ascii: "0") || position == firstDigit + 1 else {
            throw error("a number begins with 0")
        }
        if take(UInt8(ascii: ".")) { try digits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        guard position - start <= Self.numberLimit else { throw error("a number is too long") }
        return String(decoding: text[start..<position], as: UTF8.self)
    }

    private mutating func digits() throws(JSONError) {
        let start = position
        while let byte, (0x30...0x39).contains(byte) { position += 1 }
        guard position > start else { throw error("neither a value nor a word") }
    }
}

extension JSONParser {
    /// The bytes of a string, which are UTF-8.
    private mutating func string() throws(JSONError) -> [UInt8] {
        position += 1
        var bytes: [UInt8] = []
        var start = position
        while true {
            guard let byte else { throw error("") }
            switch byte {
            case UInt8(ascii: "\""):
                bytes += text[start..<position]
                guard String(validating: bytes, as: UTF8.self) != nil else {
                    throw error("text that is no UTF-8")
                }
                position += 1
                return bytes
            case UInt8(ascii: "\\"):
                bytes += text[start..<position]
                try appendEscape(to: &bytes)
                start = position
            case 0..<0x20: throw error("a control character in a string")
            default: position += 1
            }
        }
    }

    private mutating func appendEscape(to bytes: inout [UInt8]) throws(JSONError) {
        position += 1
        guard let byte else { throw error("") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(byte)
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "f"): bytes.append(0x0c)
        case UInt8(ascii: "n"): bytes.append(0x0a)
        case UInt8(ascii: "r"): bytes.append(0x0d)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "u"): bytes += Array(String(try escapedScalar()).utf8)
        default: throw error("an escape that JSON does not know")
        }
    }

    /// What four digits stand for, or twice four: half of a pair alone is shown as U+FFFD.
    private mutating func escapedScalar() throws(JSONError) -> Character {
        let unit = try codeUnit()
        if (0xd800..<0xdc00).contains(unit) {
            let rest = position
            if take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) {
                let low = try codeUnit()
                if (0xdc00..<0xe000).contains(low),
                    let scalar = Unicode.Scalar(0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00))
                {
                    return Character(scalar)
                }
            }
            position = rest
        }
        return Character(Unicode.Scalar(unit) ?? "\u{fffd}")
    }

    private mutating func codeUnit() throws(JSONError) -> UInt32 {
        guard text.count - position >= 4,
            let unit = UInt32(String(decoding: text[position..<(position + 4)], as: UTF8.self), radix: 16),
            text[position] != UInt8(ascii: "+"), text[position] != UInt8(ascii: "-")
        else { throw error("an escape without four digits") }
        position += 4
        return unit
    }
}
