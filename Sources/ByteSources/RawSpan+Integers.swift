// Reading integers out of a table that is held in memory.
// SPDX-License-Identifier: Apache-2.0

extension RawSpan {
    /// The integer whose bytes start at `offset`, lowest first. The caller has checked the bounds of the table.
    ///
    /// Inlinable, so that a loop over a table's entries in another module is a loop over loads.
    @inlinable
    package func littleEndian<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type, at offset: Int
    ) -> Value {
        // SAFETY: `unsafeLoadUnaligned` checks the bounds; every bit pattern is an integer.
        Value(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: type))
    }
}
