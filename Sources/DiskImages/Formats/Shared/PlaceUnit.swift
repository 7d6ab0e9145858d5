// The length that all places of one kind have.
// SPDX-License-Identifier: Apache-2.0

/// Divides by a length. Nearly all are powers of two, for which no division is needed.
struct PlaceUnit: Sendable {
    let byteCount: UInt64
    /// Logarithm of the length, where it is a power of two.
    private let shift: UInt64?

    /// `byteCount` is not 0.
    init(byteCount: UInt64) {
        precondition(byteCount > 0, "a place has a length")
        self.byteCount = byteCount
        shift = byteCount.nonzeroBitCount == 1 ? UInt64(byteCount.trailingZeroBitCount) : nil
    }

    /// How many whole lengths are before `offset`, and what is left.
    func split(_ offset: UInt64) -> (number: UInt64, rest: UInt64) {
        if let shift { return (offset >> shift, offset & (byteCount - 1)) }
        let (number, rest) = offset.quotientAndRemainder(dividingBy: byteCount)
        return (number, rest)
    }
}
