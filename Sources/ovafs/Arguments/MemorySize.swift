// An amount of memory as users write it.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteSources

/// A number of bytes, in units of 1024 where a K, M, G or T follows.
struct MemorySize: ExpressibleByArgument {
    let byteCount: UInt64

    /// Whether it is something that a machine may have: at most 1 TiB.
    var isReasonable: Bool { byteCount <= 1 << 40 }

    init?(_ text: String) {
        let units: [Character: UInt64] = ["k": 10, "m": 20, "g": 30, "t": 40]
        guard let word = ASCIIWord(folding: text)?.text else { return nil }
        var digits = word[...]
        var shift: UInt64 = 0
        if let unit = word.last.flatMap({ units[$0] }) {
            digits = word.dropLast()
            shift = unit
        }
        guard digits.allSatisfy(\.isNumber), let number = UInt64(digits), number > 0,
            number <= UInt64.max >> shift
        else { return nil }
        byteCount = number << shift
    }

    init?(argument: String) {
        guard let size = MemorySize(argument), size.isReasonable else { return nil }
        self = size
    }
}
