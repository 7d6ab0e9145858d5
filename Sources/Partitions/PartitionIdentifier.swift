// The GUID of a GPT: sixteen bytes of mixed order.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A GUID as it is stored in a GPT.
/// Spec: UEFI 2.10, appendix A "GUID and Time Formats".
package struct PartitionIdentifier: Sendable, Hashable, CustomStringConvertible {
    /// The first field and the next two, whose lowest bytes are stored first.
    private let first: UInt32
    private let second: UInt16
    private let third: UInt16
    /// The last eight bytes, in their order.
    private let rest: UInt64

    /// - Throws: `ReadError.corrupt` where the record ends before its sixteen bytes do.
    init(in record: OnDiskRecord, at offset: Int) throws(ReadError) {
        first = try record.littleEndian(UInt32.self, at: offset)
        second = try record.littleEndian(UInt16.self, at: offset + 4)
        third = try record.littleEndian(UInt16.self, at: offset + 6)
        rest = try record.bigEndian(UInt64.self, at: offset + 8)
    }

    var isZero: Bool { first == 0 && second == 0 && third == 0 && rest == 0 }

    /// In small letters, as blkid(8) shows it.
    package var description: String {
        let tail = rest.hexadecimal
        return "\(first.hexadecimal)-\(second.hexadecimal)-\(third.hexadecimal)-\(tail.prefix(4))-"
            + "\(tail.dropFirst(4))"
    }
}

extension FixedWidthInteger {
    /// All digits, in small letters.
    var hexadecimal: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: Self.bitWidth / 4 - digits.utf8.count) + digits
    }
}
