// The places in a file that overlap others.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The places of one file that overlap others, by where they start. Nearly always there are none.
struct OverlappingPlaces: Sendable {
    /// Ascending; empty where `bits` has them.
    private let aligned: [UInt64]
    /// Ascending.
    private let misaligned: [UInt64]
    private let bits: Bits?
    /// Keeps what the lists take.
    private let share: BudgetShare?

    static let none = OverlappingPlaces(aligned: [], misaligned: [], bits: nil, share: nil)

    /// - Parameters:
    ///   - aligned: Places, ascending.
    ///   - misaligned: Others, ascending.
    ///   - bits: More of them.
    ///   - share: What the lists were taken from; kept as long as they are.
    init(aligned: [UInt64], misaligned: [UInt64], bits: Bits?, share: BudgetShare?) {
        self.aligned = aligned
        self.misaligned = misaligned
        self.bits = bits
        self.share = share
    }

    var isEmpty: Bool { aligned.isEmpty && misaligned.isEmpty && bits == nil }

    /// Whether the place that starts at byte `start` overlaps another one.
    func contains(_ start: UInt64) -> Bool {
        aligned.holds(start) || misaligned.holds(start) || bits?.contains(start) == true
    }

    /// Places of one length that leave the same remainder when they are divided by it, a bit for each.
    struct Bits: Sendable {
        private let unit: PlaceUnit
        private let remainder: UInt64
        private var words: [UInt64]
        /// Keeps what the words take.
        private let share: BudgetShare

        /// Bits for `64 * wordCount` places, none of which is set; `share` is what they were taken from.
        init(unit: PlaceUnit, remainder: UInt64, wordCount: Int, share: BudgetShare) {
            self.unit = unit
            self.remainder = remainder
            words = Array(repeating: 0, count: wordCount)
            self.share = share
        }

        /// Adds a place that leaves the remainder; one that there is no bit for is left out.
        mutating func set(_ start: UInt64) {
            let number = unit.split(start).number
            let word = Int(truncatingIfNeeded: number >> 6)
            guard word < words.count else { return }
            words[word] |= 1 << (number & 63)
        }

        func contains(_ start: UInt64) -> Bool {
            let (number, rest) = unit.split(start)
            let word = Int(truncatingIfNeeded: number >> 6)
            return rest == remainder && word < words.count && words[word] & 1 << (number & 63) != 0
        }
    }
}

extension [UInt64] {
    /// Whether `value` is in an array that is sorted.
    fileprivate func holds(_ value: UInt64) -> Bool {
        guard !isEmpty else { return false }
        let index = partitionPoint { $0 < value }
        return index < count && self[index] == value
    }
}
