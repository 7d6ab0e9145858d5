// What one owner took of the memory for opening; it goes back with the owner.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A part of an `OpeningBudget`. What was taken through it goes back when it ends, so that something that fails half-way
/// leaves the budget as it was. Any thread may use it.
package final class BudgetShare: Sendable {
    private let budget: OpeningBudget
    private let taken = Atomic<UInt64>(0)

    package init(of budget: OpeningBudget) {
        self.budget = budget
    }

    deinit {
        budget.giveBack(takenByteCount)
    }

    /// What was taken through this share and not given back, in bytes.
    package var takenByteCount: UInt64 { taken.load(ordering: .relaxed) }

    /// What all who share the budget have left, in bytes.
    package var freeByteCount: UInt64 { budget.byteLimit - min(budget.byteLimit, budget.usedByteCount) }

    /// Takes `byteCount` bytes for `purpose`, which the error names.
    /// - Throws: `ReadError.overBudget` where less is left; then nothing was taken.
    package func take(_ byteCount: UInt64, for purpose: @autoclosure () -> String) throws(ReadError) {
        try budget.take(byteCount, for: purpose())
        taken.add(byteCount, ordering: .relaxed)
    }

    /// Takes `count` elements of `byteCount` bytes each: a product of two numbers from a file is written as such.
    /// - Throws: `ReadError.overBudget` where less is left, or the product overflows.
    package func take(
        _ count: UInt64, times byteCount: UInt64, for purpose: @autoclosure () -> String
    ) throws(ReadError) {
        let (product, overflow) = count.multipliedReportingOverflow(by: byteCount)
        try take(overflow ? .max : product, for: purpose())
    }

    /// Takes note of what is looked through behind streams: `OpeningBudget.takeEnding`.
    package func takeEnding(_ byteCount: UInt64, of name: String) throws(ReadError) {
        try budget.takeEnding(byteCount, of: name)
    }

    /// Gives back a part of what was taken.
    package func giveBack(_ byteCount: UInt64) {
        taken.subtract(byteCount, ordering: .relaxed)
        budget.giveBack(byteCount)
    }
}
