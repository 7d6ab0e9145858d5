// What a JSON text says.
// SPDX-License-Identifier: Apache-2.0

/// A value of a JSON text.
/// Spec: RFC 8259.
enum JSONValue: Sendable, Equatable {
    case null
    case boolean(Bool)
    /// As it is written: numbers of any length and precision are legal.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    var object: JSONObject? {
        if case .object(let object) = self { object } else { nil }
    }

    var array: [JSONValue]? {
        if case .array(let values) = self { values } else { nil }
    }

    var boolean: Bool? {
        if case .boolean(let value) = self { value } else { nil }
    }

    /// A number without fraction, exponent and sign; nil for any other value.
    var unsigned: UInt64? {
        guard case .number(let text) = self, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return UInt64(text)
    }

    /// The type, for messages.
    var kind: String {
        switch self {
        case .null: "null"
        case .boolean: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// The members of an object. A name that repeats has its last value, as most parsers have it.
///
/// Names are compared as bytes: comparing text takes time that grows with the square of the marks on one character.
struct JSONObject: Sendable, Equatable {
    private(set) var members: [[UInt8]: JSONValue] = [:]

    init() {}

    init(_ members: [(name: String, value: JSONValue)]) {
        for member in members { self.members[Array(member.name.utf8)] = member.value }
    }

    /// The value of a member, also where it is null; nil where there is none.
    subscript(_ name: String) -> JSONValue? {
        members[Array(name.utf8)]
    }

    mutating func set(_ name: [UInt8], to value: JSONValue) {
        members[name] = value
    }
}
