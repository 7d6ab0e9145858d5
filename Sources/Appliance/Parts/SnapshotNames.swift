// What the files of snapshots are called.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

/// Gives each snapshot of one disk a file name that can stand in a folder and that no other has.
struct SnapshotNames {
    private static let fileExtension = Array(".raw".utf8)
    /// What a name may have without the extension, in bytes.
    private static let longestByteCount = NumberedNames.longestByteCount - fileExtension.count

    private var taken: Set<ByteString> = []
    private var numbered = NumberedNames()

    /// `name` with `_` for what no name can have, `~2`, `~3` … where it is taken, and `.raw`.
    mutating func fileName(for name: [UInt8]) -> [UInt8] {
        var safe = name.prefix(Self.longestByteCount).map {
            $0 == 0 || $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0
        }
        if safe.allSatisfy({ $0 == UInt8(ascii: ".") }) { safe = Array("snapshot".utf8) }
        var candidate = safe
        while !taken.insert(ByteString(candidate)).inserted {
            candidate = numbered.next(for: safe, upTo: Self.longestByteCount)
        }
        return candidate + Self.fileExtension
    }
}
