// How much room a text takes on a terminal.
// SPDX-License-Identifier: Apache-2.0

enum TerminalText {
    /// The columns that a terminal shows `text` in, which has no control characters: two for East Asian characters
    /// and pictures, none for marks that stand on others.
    static func columns(of text: some StringProtocol) -> Int {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
        return text.unicodeScalars.reduce(0) { $0 + columns(of: $1) }
    }

    /// `text` with spaces behind it, so that it takes `columns`.
    static func padded(_ text: String, to columns: Int) -> String {
        text + String(repeating: " ", count: max(0, columns - self.columns(of: text)))
    }

    /// `text`, cut with an ellipsis where it takes more than `columns`.
    static func shortened(_ text: String, to columns: Int) -> String {
        guard self.columns(of: text) > columns else { return text }
        var cut = ""
        var left = columns - 1
        for character in text {
            left -= self.columns(of: String(character))
            guard left >= 0 else { break }
            cut.append(character)
        }
        return columns > 0 ? cut + "…" : ""
    }

    private static func columns(of scalar: Unicode.Scalar) -> Int {
        guard scalar.value >= 0x300 else { return 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: return isWide(scalar) ? 2 : 1
        }
    }

    /// Spec: Unicode Standard Annex 11, East Asian Width: Wide and Fullwidth, by blocks.
    private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0x4dbf, 0x4e00...0xa4cf, 0xa960...0xa97f,
            0xac00...0xd7a3, 0xf900...0xfaff, 0xfe10...0xfe19, 0xfe30...0xfe6f, 0xff01...0xff60,
            0xffe0...0xffe6, 0x1_6fe0...0x1_b2ff, 0x2_0000...0x3_fffd:
            true
        default:
            scalar.properties.isEmojiPresentation
        }
    }
}
