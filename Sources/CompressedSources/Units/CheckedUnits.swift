// Which units of a compressed file were decoded to their end and found right.
// SPDX-License-Identifier: Apache-2.0

/// A bit for each unit.
struct CheckedUnits: Equatable, Sendable {
    private(set) var words: [UInt64]
    let count: Int

    init(count: Int) {
        self.count = count
        words = Array(repeating: 0, count: (count + 63) / 64)
    }

    /// From words that were stored; nil where they are of another number of units.
    init?(words: [UInt64], count: Int) {
        guard words.count == (count + 63) / 64 else { return nil }
        self.count = count
        self.words = words
    }

    func contains(_ unit: Int) -> Bool { words[unit / 64] >> UInt64(unit % 64) & 1 == 1 }

    mutating func insert(_ unit: Int) { words[unit / 64] |= 1 << UInt64(unit % 64) }

    mutating func insertAll() {
        for unit in 0..<count { insert(unit) }
    }
}
