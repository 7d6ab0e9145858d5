// A bound on what comparing text costs.
// SPDX-License-Identifier: Apache-2.0

/// Swift compares and hashes strings by canonical equivalence, for which the marks on one character are sorted, in time
/// that grows with the square of their number. Text from a file is looked at before it becomes a key.
/// Spec: UAX #15, 13 "Stream-Safe Text Format".
enum CombiningMarks {
    /// Most marks on one character; no language needs more.
    static let maximumCount = 30

    /// Whether no character of `text` has more marks than that.
    static func areFew(in text: String) -> Bool {
        // No byte of UTF-8 below 0xCC belongs to a character with marks: they begin at U+0300.
        guard text.utf8.contains(where: { $0 >= 0xcc }) else { return true }
        var count = 0
        for scalar in text.unicodeScalars {
            if scalar.value >= 0x300, scalar.properties.canonicalCombiningClass != .notReordered {
                count += 1
                guard count <= maximumCount else { return false }
            } else {
                count = 0
            }
        }
        return true
    }
}
