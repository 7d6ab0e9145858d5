// Writing the little-endian fields of images that tests build.
// SPDX-License-Identifier: Apache-2.0

extension [UInt8] {
    /// Writes `value` at `offset`, lowest byte first, over what is there.
    package mutating func put<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        for index in 0..<(Value.bitWidth / 8) {
            self[offset + index] = UInt8(truncatingIfNeeded: value >> Value(index * 8))
        }
    }

    /// Writes `bytes` at `offset`, over what is there.
    package mutating func put(_ bytes: some Collection<UInt8>, at offset: Int) {
        replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    }

    /// The number at `offset`, lowest byte first.
    package func littleEndian<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) -> Value {
        (0..<(Value.bitWidth / 8)).reduce(0) { $0 | Value(self[offset + $1]) << Value($1 * 8) }
    }

    /// Appends zeros up to a multiple of 512 bytes.
    package mutating func padToSector() {
        append(contentsOf: repeatElement(0, count: (512 - count % 512) % 512))
    }
}
