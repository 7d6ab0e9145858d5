// Text from a package, made safe for a terminal and a log.
// SPDX-License-Identifier: Apache-2.0

extension StringProtocol {
    /// The text on one line: names and descriptors may hold anything, and what they hold must neither look like a
    /// line of our own nor reach a terminal as a command to it.
    ///
    /// Line ends become spaces; control characters, and those that are not seen or turn the direction of writing,
    /// their numbers.
    var onOneLine: String {
        // Nearly all text is plain.
        if utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) { return String(self) }
        var line = ""
        for scalar in unicodeScalars {
            switch scalar.value {
            case 0x0a, 0x0d, 0x85, 0x2028, 0x2029:
                if line.last != " " { line += " " }
            // Joiners are a part of words and of pictures.
            case 0x200c, 0x200d:
                line.unicodeScalars.append(scalar)
            default:
                switch scalar.properties.generalCategory {
                case .control, .format: line += "\\u{" + String(scalar.value, radix: 16) + "}"
                default: line.unicodeScalars.append(scalar)
                }
            }
        }
        return line
    }
}
