// The headers of an answer.
// SPDX-License-Identifier: Apache-2.0

/// What an answer says about itself; names are compared without case.
package struct HTTPHeaders: Sendable, Equatable {
    private var fields: [(name: String, value: String)] = []

    package init(_ fields: [(name: String, value: String)] = []) {
        for field in fields { append(field.name, field.value) }
    }

    package mutating func append(_ name: String, _ value: String) {
        fields.append((name.lowercased(), value))
    }

    /// Adds a line as it came; one that is no header is left out.
    mutating func append(line: [UInt8]) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return }
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0d || byte == 0x0a }
        var value = Array(line[colon...].dropFirst().drop(while: isBlank))
        while let last = value.last, isBlank(last) { value.removeLast() }
        append(String(decoding: line[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self))
    }

    /// The first value of header `name`, which is in small letters.
    package func first(_ name: String) -> String? {
        fields.first { $0.name == name }?.value
    }

    /// All values of header `name`, which is in small letters.
    package func all(_ name: String) -> [String] {
        fields.filter { $0.name == name }.map(\.value)
    }

    /// The one value of header `name`: nil where there is none.
    /// - Throws: `Contradiction` where there are several that differ.
    func only(_ name: String) throws(Contradiction) -> String? {
        let values = all(name)
        guard let first = values.first else { return nil }
        guard values.allSatisfy({ $0 == first }) else { throw Contradiction(name: name) }
        return first
    }

    /// A header that is there twice and says two things.
    struct Contradiction: Error {
        let name: String
    }

    package static func == (one: HTTPHeaders, other: HTTPHeaders) -> Bool {
        one.fields.elementsEqual(other.fields) { $0 == $1 }
    }
}
