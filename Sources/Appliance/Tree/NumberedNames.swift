// What is called how where a name is taken.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

/// Gives `~2`, `~3` … behind names that are taken. The number to try next is kept: many equal names stay cheap.
struct NumberedNames {
    private struct Key: Hashable {
        let folder: Int
        let front: ByteString
    }

    private var nextNumbers: [Key: Int] = [:]

    /// What a name in a folder may have, in bytes.
    static let longestByteCount = 255
    /// Longest `~` and number, in bytes.
    private static let longestSuffixByteCount = 7

    /// The next name to try for `name` in `folder`, whatever number the caller has for that, which has at most `byteCount`
    /// bytes.
    mutating func next(
        for name: [UInt8], in folder: Int = 0, upTo byteCount: Int = longestByteCount
    ) -> [UInt8] {
        let front = Array(name.prefix(byteCount - Self.longestSuffixByteCount))
        let key = Key(folder: folder, front: ByteString(front))
        let number = nextNumbers[key] ?? 2
        nextNumbers[key] = number + 1
        return front + Array("~\(number)".utf8)
    }
}
