// A record as it is stored, whose fields are read with their bounds checked.
// SPDX-License-Identifier: Apache-2.0

/// The bytes of one record: a header, a table, a footer. A field outside it is an error, never a trap.
package struct OnDiskRecord: Sendable {
    /// What errors call the record, such as "VMDK header".
    package let name: String
    /// Where the record starts in its source, in bytes; errors add a field's offset to it.
    package let sourceOffset: UInt64
    /// The record, whole.
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8], named name: String, at sourceOffset: UInt64 = 0) {
        self.bytes = bytes
        self.name = name
        self.sourceOffset = sourceOffset
    }

    /// The integer stored at `offset` (in bytes, from the record's start) with its lowest byte first.
    package func littleEndian<Value: FixedWidthInteger>(
        _ type: Value.Type, at offset: Int
    ) throws(ReadError) -> Value {
        Value(littleEndian: try load(type, at: offset))
    }

    /// The integer stored at `offset` (in bytes, from the record's start) with its highest byte first.
    package func bigEndian<Value: FixedWidthInteger>(
        _ type: Value.Type, at offset: Int
    ) throws(ReadError) -> Value {
        Value(bigEndian: try load(type, at: offset))
    }

    /// `count` bytes from `offset` (in bytes, from the record's start).
    package func slice(_ count: Int, at offset: Int) throws(ReadError) -> ArraySlice<UInt8> {
        guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else {
            throw corrupt(at: offset, "the record ends at its byte \(bytes.count)")
        }
        return bytes[offset..<(offset + count)]
    }

    /// The error for a field at `offset` (in bytes, from the record's start) that breaks a rule.
    package func corrupt(at offset: Int, _ reason: String) -> ReadError {
        .corrupt(record: name, offset: sourceOffset &+ UInt64(max(0, offset)), reason: reason)
    }

    private func load<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) throws(ReadError) -> Value
    {
        let field = try slice(MemoryLayout<Value>.size, at: offset)
        // SAFETY: the slice was checked to hold exactly the bytes of `Value`.
        return unsafe field.withUnsafeBytes { unsafe $0.loadUnaligned(as: Value.self) }
    }
}
