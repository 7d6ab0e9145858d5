// The records of one index.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs

/// Reads an index from its first byte to its checksum.
/// Spec: The .xz File Format 1.1.0, 4 "Index", 1.2 "Multibyte Integers".
struct XZIndexReader {
    struct Record {
        /// The stored length without the padding, in bytes.
        let unpaddedByteCount: UInt64
        let decodedByteCount: UInt64
    }

    private let base: any ByteSource
    private let range: Range<UInt64>
    private let name: String
    private var buffer: [UInt8] = []
    private var position = 0
    /// Where the byte behind `buffer` is.
    private var next: UInt64
    private var checksum: UInt = 0

    private static let bufferByteCount: UInt64 = 64 << 10
    private static let leastUnpaddedByteCount: UInt64 = 5

    init(_ base: any ByteSource, _ range: Range<UInt64>, named name: String) {
        self.base = base
        self.range = range
        self.name = name
        next = range.lowerBound
    }

    /// All records, and how long the blocks are together with their padding, in bytes.
    mutating func records(share: BudgetShare) throws(ReadError) -> (records: [Record], blockByteCount: UInt64)
    {
        guard try byte() == 0 else { throw corrupt("there is no index here") }
        let count = try number()
        // Two bytes are the least that a record takes.
        guard count <= (range.upperBound - range.lowerBound) / 2 else {
            throw corrupt("more blocks are said to be in it than it has room for")
        }
        try share.take(count, times: UnitTable.entryByteCount, for: "the index of \(name)")
        var records: [Record] = []
        records.reserveCapacity(Int(count))
        var blockByteCount: UInt64 = 0
        for _ in 0..<count {
            let unpadded = try number()
            guard unpadded >= Self.leastUnpaddedByteCount, unpadded <= UInt64(Int64.max) - 3 else {
                throw corrupt("a block of \(unpadded) bytes is listed")
            }
            records.append(Record(unpaddedByteCount: unpadded, decodedByteCount: try number()))
            blockByteCount = try blockByteCount.adding(
                (unpadded + 3) & ~3, in: "\(name), index", at: offset)
        }
        while (offset - range.lowerBound) % 4 != 0 {
            guard try byte() == 0 else { throw corrupt("its padding is not zeros") }
        }
        let computed = UInt32(truncatingIfNeeded: checksumSoFar())
        var stored: UInt32 = 0
        for shift in 0..<4 { stored |= UInt32(try byte()) << UInt32(8 * shift) }
        guard stored == computed, offset == range.upperBound else {
            throw corrupt("its checksum or its length is wrong")
        }
        return (records, blockByteCount)
    }

    private var offset: UInt64 { next - UInt64(buffer.count - position) }

    private mutating func byte() throws(ReadError) -> UInt8 {
        if position == buffer.count {
            guard next < range.upperBound else { throw corrupt("it ends inside a number") }
            checksum = checksumSoFar()
            let count = min(Self.bufferByteCount, range.upperBound - next)
            buffer = try base.bytes(Int(count), at: next)
            position = 0
            next += count
        }
        defer { position += 1 }
        return buffer[position]
    }

    /// The CRC-32 of all bytes before `offset`.
    private func checksumSoFar() -> UInt {
        // SAFETY: the position is inside the array.
        unsafe buffer.withUnsafeBytes {
            unsafe Inflater.checksum(checksum, of: UnsafeRawBufferPointer(rebasing: $0[..<position]))
        }
    }

    /// A number in one to nine bytes, seven bits in each, the lowest first.
    private mutating func number() throws(ReadError) -> UInt64 {
        var value: UInt64 = 0
        for shift in 0..<9 {
            let byte = try byte()
            value |= UInt64(byte & 0x7f) << UInt64(7 * shift)
            if byte & 0x80 == 0 {
                // Only one way of writing a number is right.
                guard byte != 0 || shift == 0 else { throw corrupt("a number has zeros in front") }
                return value
            }
        }
        throw corrupt("a number has more than nine bytes")
    }

    private func corrupt(_ reason: String) -> ReadError {
        .corrupt(record: "\(name), index", offset: offset, reason: reason)
    }
}
