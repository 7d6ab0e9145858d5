// One line of the head of a request or an answer.
// SPDX-License-Identifier: Apache-2.0

/// A header whose name and value hold nothing that would end its line.
/// Spec: RFC 9110, 5.
package struct HTTPHeader: Sendable, Equatable {
    package let name: String
    package let value: String
    /// Whether `description` leaves the value out.
    package let isSecret: Bool

    /// A header that would be two, or none. It repeats nothing of it, which may be a secret.
    package struct Malformed: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// - Throws: `Malformed` where the name is no word, or a CR, LF or NUL is in the value.
    package init(_ name: String, _ value: String, isSecret: Bool = false) throws(Malformed) {
        guard !name.isEmpty,
            name.utf8.allSatisfy({ $0.isLetterOrDigit || "!#$%&'*+-.^_`|~".utf8.contains($0) })
        else { throw Malformed(description: "a header begins with a name of letters, digits and hyphens") }
        guard value.utf8.allSatisfy({ $0 != 0 && $0 != 10 && $0 != 13 }) else {
            throw Malformed(description: "the value of the header \(name) does not end with its line")
        }
        self.init(checked: name, value, isSecret: isSecret)
    }

    /// For names and values of our own, which are known to be right.
    init(checked name: String, _ value: String, isSecret: Bool = false) {
        self.name = name
        self.value = value
        self.isSecret = isSecret
    }
}

extension HTTPHeader: CustomStringConvertible {
    package var description: String { isSecret ? "\(name): (not shown)" : "\(name): \(value)" }
}
