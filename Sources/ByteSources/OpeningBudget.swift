// What opening one source may take in memory, shared by all who allocate for it.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The memory that opening one source may take, in bytes, and keep while it is open: directories, tables, names, pax
/// records, sparse maps, restart points, disks, elements. Each parser has bounds of its own; this one holds their
/// product. Whoever allocates by a number from a file takes from it first. Any thread may use it.
package final class OpeningBudget: Sendable {
    /// 256 MiB.
    package static let defaultByteLimit: UInt64 = 256 << 20

    package let byteLimit: UInt64
    private let used = Atomic<UInt64>(0)

    package init(byteLimit: UInt64 = defaultByteLimit) {
        self.byteLimit = byteLimit
    }

    /// What was taken and not given back, in bytes.
    package var usedByteCount: UInt64 { used.load(ordering: .relaxed) }

    /// Takes `byteCount` bytes for `purpose`, which the error names, such as "grain directory of disk1.vmdk".
    /// - Throws: `ReadError.overBudget` where less is left; then nothing was taken.
    package func take(_ byteCount: UInt64, for purpose: @autoclosure () -> String) throws(ReadError) {
        var known = used.load(ordering: .relaxed)
        while true {
            guard byteCount <= byteLimit - min(byteLimit, known) else {
                throw .overBudget(purpose: purpose(), byteCount: byteCount, byteLimit: byteLimit)
            }
            let (exchanged, original) = used.weakCompareExchange(
                expected: known, desired: known + byteCount, ordering: .relaxed)
            if exchanged { return }
            known = original
        }
    }

    /// Takes `count` elements of `byteCount` bytes each: a product of two numbers from a file is written as such.
    /// - Throws: `ReadError.overBudget` where less is left, or the product overflows.
    package func take(
        _ count: UInt64, times byteCount: UInt64, for purpose: @autoclosure () -> String
    ) throws(ReadError) {
        let (product, overflow) = count.multipliedReportingOverflow(by: byteCount)
        try take(overflow ? .max : product, for: purpose())
    }

    /// Gives back what was taken and is no longer kept.
    package func giveBack(_ byteCount: UInt64) {
        used.subtract(byteCount, ordering: .relaxed)
    }
}
