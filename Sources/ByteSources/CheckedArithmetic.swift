// Arithmetic on numbers that came from a file: an overflow is an error of the file, never a trap.
// SPDX-License-Identifier: Apache-2.0

extension FixedWidthInteger {
    /// `self + other`.
    /// - Throws: `ReadError.corrupt` naming `record` where the sum overflows.
    package func adding(_ other: Self, in record: String, at offset: UInt64) throws(ReadError) -> Self {
        let (sum, overflow) = addingReportingOverflow(other)
        guard !overflow else { throw .overflow(in: record, at: offset) }
        return sum
    }

    /// `self * other`.
    /// - Throws: `ReadError.corrupt` naming `record` where the product overflows.
    package func multiplied(by other: Self, in record: String, at offset: UInt64) throws(ReadError) -> Self {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        guard !overflow else { throw .overflow(in: record, at: offset) }
        return product
    }

    /// `self`, rounded up to a multiple of `unit`, which is not 0.
    /// - Throws: `ReadError.corrupt` naming `record` where the result overflows.
    package func roundedUp(
        toMultipleOf unit: Self, in record: String, at offset: UInt64
    ) throws(ReadError) -> Self {
        let excess = self % unit
        return excess == 0 ? self : try adding(unit - excess, in: record, at: offset)
    }
}

extension ReadError {
    static func overflow(in record: String, at offset: UInt64) -> ReadError {
        .corrupt(record: record, offset: offset, reason: "a number is too large")
    }
}
