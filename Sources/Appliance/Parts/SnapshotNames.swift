// What the files of snapshots are called.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import OVFPackage

/// Gives each snapshot of one disk a file name that can stand in a folder and that no other has.
struct SnapshotNames {
    private static let fileExtension = Array(".raw".utf8)
    /// What a name may have without the extension, in bytes.
    private static let longestByteCount = NumberedNames.longestByteCount - fileExtension.count

    private var taken: Set<ByteString> = []
    private var numbered = NumberedNames()

    /// `name` with `_` for what no name can have and what no one sees, `~2`, `~3` … where it is taken, and `.raw`.
    mutating func fileName(for name: [UInt8]) -> [UInt8] {
        var safe = Self.printable(name.prefix(Self.longestByteCount))
        if safe.allSatisfy({ $0 == UInt8(ascii: ".") }) { safe = Array("snapshot".utf8) }
        var candidate = safe
        while !taken.insert(ByteString(candidate)).inserted {
            candidate = numbered.next(for: safe, upTo: Self.longestByteCount)
        }
        return candidate + Self.fileExtension
    }

    /// `name` with `_` for slashes and for control characters, so that a file has one spelling on a disk, on a terminal and
    /// on a command line. What is no UTF-8 stays.
    private static func printable(_ name: ArraySlice<UInt8>) -> [UInt8] {
        var printable: [UInt8] = []
        var rest = name
        var unread = name.makeIterator()
        var parser = Unicode.UTF8.ForwardParser()
        while true {
            let byteCount: Int
            var isKept = true
            switch parser.parseScalar(from: &unread) {
            case .valid(let encoded):
                byteCount = encoded.count
                let scalar = Unicode.UTF8.decode(encoded)
                isKept = scalar != "/" && !scalar.isHidden
            case .error(let length): byteCount = length
            case .emptyInput: return printable
            }
            printable += isKept ? rest.prefix(byteCount) : [UInt8(ascii: "_")]
            rest = rest.dropFirst(byteCount)
        }
    }
}
