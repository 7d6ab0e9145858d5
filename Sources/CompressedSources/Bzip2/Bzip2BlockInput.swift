// One block of a bzip2 file as a stream of its own.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The bits of a block behind the header of a stream, and before an end that has the block's checksum: what the library
/// then decodes is that block, whole and right, or an error.
final class Bzip2BlockInput: UnitInput {
    private let base: any ByteSource
    private let bits: Range<UInt64>
    private let level: UInt8
    private let checksum: UInt32
    /// The bit that comes next; nil before the header.
    private var nextBit: UInt64?
    private var isDone = false

    private static let pieceByteCount: UInt64 = 128 << 10

    /// - Throws: `ReadError.corrupt` where the block is shorter than its mark and its checksum.
    init(
        _ bits: Range<UInt64>, of base: any ByteSource, level: UInt8, named name: String
    ) throws(ReadError) {
        self.base = base
        self.bits = bits
        self.level = level
        let checksumBit = bits.lowerBound + Bzip2Scan.markBitCount
        guard checksumBit + 32 <= bits.upperBound else {
            throw .corrupt(
                record: "\(name), bzip2 block", offset: bits.lowerBound / 8, reason: "it ends in its header")
        }
        checksum = UInt32(truncatingIfNeeded: try Self.number(32, at: checksumBit, of: base))
    }

    /// At most 56 bits as a number, the first bit the highest.
    static func number(
        _ count: UInt64, at bit: UInt64, of base: any ByteSource
    ) throws(ReadError) -> UInt64 {
        let end = (bit + count + 7) / 8
        let bytes = try base.bytes(Int(end - bit / 8), at: bit / 8)
        let word = bytes.reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        return word >> (end * 8 - bit - count) & ((1 << count) - 1)
    }

    func next() throws(ReadError) -> [UInt8] {
        guard let start = nextBit else {
            nextBit = bits.lowerBound
            return Array("BZh".utf8) + [0x30 + level]
        }
        let wholeByteCount = (bits.upperBound - start) / 8
        if wholeByteCount > 0 {
            let count = min(Self.pieceByteCount, wholeByteCount)
            nextBit = start + count * 8
            return try bytes(Int(count), at: start)
        }
        guard !isDone else { return [] }
        isDone = true
        let count = bits.upperBound - start
        var end = BitWriter()
        if count > 0 { end.append(try Self.number(count, at: start, of: base), bitCount: count) }
        end.append(Bzip2Scan.streamEndMark, bitCount: 48)
        // That of the only block is that of the stream.
        end.append(UInt64(checksum), bitCount: 32)
        return end.bytes
    }

    /// `count` bytes that start at a bit.
    private func bytes(_ count: Int, at bit: UInt64) throws(ReadError) -> [UInt8] {
        let shift = UInt16(bit % 8)
        guard shift > 0 else { return try base.bytes(count, at: bit / 8) }
        let stored = try base.bytes(count + 1, at: bit / 8)
        // SAFETY: each of the bytes is written.
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            for index in 0..<count {
                let pair = UInt16(stored[index]) << 8 | UInt16(stored[index + 1])
                unsafe buffer[index] = UInt8(truncatingIfNeeded: pair >> (8 - shift))
            }
            initializedCount = count
        }
    }
}

/// Puts bits together, the highest of each byte first.
struct BitWriter {
    private(set) var bytes: [UInt8] = []
    private var bitCount: UInt64 = 0

    mutating func append(_ value: UInt64, bitCount count: UInt64) {
        for bit in (0..<count).reversed() {
            if bitCount % 8 == 0 { bytes.append(0) }
            bytes[bytes.count - 1] |= UInt8(value >> bit & 1) << UInt8(7 - bitCount % 8)
            bitCount += 1
        }
    }
}
