// What the files of snapshots are called.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

/// Gives each snapshot of one disk a file name that can stand in a folder and that no other has.
struct SnapshotNames {
    private static let fileExtension = Array(".raw".utf8)
    /// What a name in a folder may have, in bytes, without the extension and `~` with a number of five digits.
    private static let longestByteCount = 255 - 4 - 6

    private var taken: Set<ByteString> = []
    /// The number to try next for a name that is taken: many equal names stay cheap.
    private var nextNumbers: [ByteString: Int] = [:]

    /// `name` with `_` for what no name can have, `~2`, `~3` … where it is taken, and `.raw`.
    mutating func fileName(for name: [UInt8]) -> [UInt8] {
        var safe = name.prefix(Self.longestByteCount).map {
            $0 == 0 || $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0
        }
        if safe.allSatisfy({ $0 == UInt8(ascii: ".") }) { safe = Array("snapshot".utf8) }
        let key = ByteString(safe)
        var candidate = safe
        while !taken.insert(ByteString(candidate)).inserted {
            let number = nextNumbers[key] ?? 2
            nextNumbers[key] = number + 1
            candidate = safe + Array("~\(number)".utf8)
        }
        return candidate + Self.fileExtension
    }
}
