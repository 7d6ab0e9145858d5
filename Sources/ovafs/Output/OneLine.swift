// Text from a package, made safe for a terminal and a log.
// SPDX-License-Identifier: Apache-2.0

extension StringProtocol {
    /// The text on one line: names and descriptors may hold anything, and what they hold must neither look like a
    /// line of our own nor reach a terminal as a command to it.
    ///
    /// Line ends become spaces; control characters, and those that turn the direction of writing, their numbers.
    var onOneLine: String {
        // Nearly all text is plain.
        if utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) { return String(self) }
        var line = ""
        for scalar in unicodeScalars {
            switch scalar.value {
            case 0x0a, 0x0d, 0x85, 0x2028, 0x2029:
                if line.last != " " { line += " " }
            case 0..<0x20, 0x7f...0x9f, 0x200e, 0x200f, 0x202a...0x202e, 0x2066...0x2069:
                line += "\\u{" + String(scalar.value, radix: 16) + "}"
            default:
                line.unicodeScalars.append(scalar)
            }
        }
        return line
    }
}
