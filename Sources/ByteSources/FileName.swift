// Names of files that others chose.
// SPDX-License-Identifier: Apache-2.0

/// Names as the bytes that they are.
package enum FileName {
    /// What is behind the last separator of a path, which may be of any system: Windows programs write backslashes. Nothing
    /// where the path ends with one.
    package static func lastComponent(of path: [UInt8]) -> [UInt8] {
        let start = path.lastIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }
        return Array(path[(start.map { $0 + 1 } ?? 0)...])
    }

    /// `bytes` without what no name of a file may have; `other` where that is no name.
    package static func usable(_ bytes: [UInt8], orElse other: [UInt8]) -> [UInt8] {
        let name = bytes.filter { $0 != 0 && $0 != UInt8(ascii: "/") }
        let dot = UInt8(ascii: ".")
        return name.isEmpty || name == [dot] || name == [dot, dot] ? other : name
    }

    /// The first bytes of `name`, at most `byteCount`, without a part of a character of UTF-8 at their end.
    package static func shortened(_ name: [UInt8], to byteCount: Int) -> [UInt8] {
        guard name.count > byteCount else { return name }
        var end = byteCount
        // A character has at most three bytes behind its first one; what has more is no UTF-8, and is cut anywhere.
        while end > 0, byteCount - end < 3, name[end] & 0xc0 == 0x80 { end -= 1 }
        return Array(name.prefix(name[end] & 0xc0 == 0x80 ? byteCount : end))
    }
}
