// CRC-32 and CRC-32C of records.
// SPDX-License-Identifier: Apache-2.0

/// A reflected cyclic redundancy check of 32 bits, for records of up to some MiB: a byte a step.
package struct CyclicRedundancyCheck: Sendable {
    /// CRC-32 of IEEE 802.3, as in a GPT.
    package static let ieee = CyclicRedundancyCheck(polynomial: 0xedb8_8320)
    /// CRC-32C of Castagnoli, as in VHDX.
    package static let castagnoli = CyclicRedundancyCheck(polynomial: 0x82f6_3b78)

    /// The remainder of each byte.
    private let table: [UInt32]

    /// `polynomial` is reflected: its lowest bit stands for the highest power.
    private init(polynomial: UInt32) {
        table = (0..<256).map { index in
            var value = UInt32(index)
            for _ in 0..<8 { value = value & 1 == 0 ? value >> 1 : value >> 1 ^ polynomial }
            return value
        }
    }

    /// The checksum of `bytes`. Those in `blank`, which lies inside of them, count as zeros: a record that holds its own
    /// checksum is checked with that field blank.
    package func checksum(of bytes: [UInt8], blank: Range<Int> = 0..<0) -> UInt32 {
        var value = ~UInt32(0)
        let bytes = bytes.span
        let table = table.span
        for index in bytes.indices {
            let byte = blank.contains(index) ? 0 : bytes[index]
            value = value >> 8 ^ table[Int(truncatingIfNeeded: (value ^ UInt32(byte)) & 0xff)]
        }
        return ~value
    }
}
