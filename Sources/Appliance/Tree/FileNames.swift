// Names of files that are made from what a descriptor says.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

/// Gives each text a name that can stand in a directory and that no other has.
struct FileNames {
    private static let longestByteCount = 200
    private var taken: Set<ByteString> = []
    private var numbered = NumberedNames()

    mutating func name(for text: String) -> String {
        var name = ""
        for scalar in text.unicodeScalars {
            guard name.utf8.count < Self.longestByteCount else { break }
            name.unicodeScalars.append(
                scalar == "/" || scalar.value < 0x20 || scalar.value == 0x7f ? "_" : scalar)
        }
        if name.isEmpty || name.allSatisfy({ $0 == "." }) { name = "system" }
        var candidate = name
        while !taken.insert(ByteString(candidate)).inserted {
            candidate = String(decoding: numbered.next(for: Array(name.utf8)), as: UTF8.self)
        }
        return candidate
    }
}
