// Names of files that are made from what a descriptor says.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

/// Gives each text a name that can stand in a directory and that no other has.
struct FileNames {
    private static let longestByteCount = 200
    private var taken: Set<ByteString> = []
    /// The number to try next for a name that is taken: many equal names stay cheap.
    private var nextNumbers: [ByteString: Int] = [:]

    mutating func name(for text: String) -> String {
        var name = ""
        for scalar in text.unicodeScalars {
            guard name.utf8.count < Self.longestByteCount else { break }
            name.unicodeScalars.append(
                scalar == "/" || scalar.value < 0x20 || scalar.value == 0x7f ? "_" : scalar)
        }
        if name.isEmpty || name.allSatisfy({ $0 == "." }) { name = "system" }
        var number = nextNumbers[ByteString(name)] ?? 2
        var candidate = name
        while !taken.insert(ByteString(candidate)).inserted {
            candidate = "\(name)~\(number)"
            number += 1
        }
        nextNumbers[ByteString(name)] = number
        return candidate
    }
}
