// What is done with text that is bytes: lines trimmed, names joined.
// SPDX-License-Identifier: Apache-2.0

extension ArraySlice<UInt8> {
    /// Without spaces, tabs and carriage returns at the ends.
    var trimmed: ArraySlice<UInt8> {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0d }
        let start = drop(while: isSpace)
        guard let last = start.lastIndex(where: { !isSpace($0) }) else { return start.prefix(0) }
        return start[...last]
    }
}

extension [[UInt8]] {
    /// The names of a path, with a slash between them.
    package var joinedBySlashes: [UInt8] { Array<UInt8>(joined(separator: [UInt8(ascii: "/")])) }
}
