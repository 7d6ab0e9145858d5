// Finds what may be the starts of bzip2 blocks, which are at any bit.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A place in a bzip2 file where 48 bits are those of a mark. Compressed data can look like one by chance: in a file of
/// 10 GiB with a probability of some 1 : 2,000.
/// Spec: none; bzip2 1.0.8, compress.c, "BZ2_compressBlock".
struct Bzip2Mark: Equatable, Sendable {
    /// Where the mark starts, in bits.
    let bit: UInt64
    /// Whether it ends a stream; else a block starts with it.
    let isStreamEnd: Bool
    /// The block size of its stream, in units of 100,000 bytes.
    let level: UInt8
    /// Whether the header of a stream stands before it.
    let isFirst: Bool
    /// The 32 bits behind the mark: the checksum of the block, or of the stream that ends; nil where the file ends before.
    var checksum: UInt32?
}

/// Looks through a file once, without decoding.
struct Bzip2Scan {
    static let blockMark: UInt64 = 0x3141_5926_5359
    static let streamEndMark: UInt64 = 0x1772_4538_5090
    static let markBitCount: UInt64 = 48
    private static let markMask: UInt64 = (1 << 48) - 1
    private static let pieceByteCount: UInt64 = 1 << 20
    /// The largest file whose bits can be counted, in bytes.
    static let largestByteCount: UInt64 = 1 << 56
    /// Streams that a file may have: each costs time whether it holds anything or not.
    static let mostStreams = 131_072

    /// For each byte, the shifts (a bit each) by which it can be the sixth byte of a mark, of which all bits are the
    /// mark's.
    private static let shifts: [UInt8] = {
        var table = [UInt8](repeating: 0, count: 256)
        for shift in 0..<8 {
            for mark in [blockMark, streamEndMark] {
                table[Int((mark << UInt64(shift)) >> 8 & 0xff)] |= 1 << UInt8(shift)
            }
        }
        return table
    }()

    /// All marks of `base`.
    static func marks(
        of base: any ByteSource, named name: String, share: BudgetShare
    ) throws(ReadError) -> [Bzip2Mark] {
        guard base.byteCount <= largestByteCount else {
            throw .unsupported(feature: "a bzip2 file of more than \(largestByteCount) bytes")
        }
        var marks: [Bzip2Mark] = []
        var level: UInt8 = 9
        // The last 16 bytes.
        var word: UInt64 = 0
        var older: UInt64 = 0
        var offset: UInt64 = 0
        var streamEndCount = 0
        // The first mark whose checksum has not been seen yet, and where that ends.
        var pending = 0
        var pendingEnd = UInt64.max
        while offset < base.byteCount {
            let piece = try base.bytes(Int(min(pieceByteCount, base.byteCount - offset)), at: offset)
            for byte in piece {
                older = older << 8 | word >> 56
                word = word << 8 | UInt64(byte)
                offset += 1
                while offset == pendingEnd {
                    // The mark ends as many bits before a byte as its checksum does.
                    let shift = (8 - (marks[pending].bit + markBitCount) % 8) % 8
                    marks[pending].checksum = UInt32(truncatingIfNeeded: word >> shift)
                    pending += 1
                    pendingEnd = pending < marks.count ? checksumEnd(of: marks[pending]) : .max
                }
                var shifts = shifts[Int(truncatingIfNeeded: word >> 8 & 0xff)]
                while shifts != 0 {
                    let shift = UInt64(shifts.trailingZeroBitCount)
                    shifts &= shifts - 1
                    let mark = word >> shift & markMask
                    guard mark == blockMark || mark == streamEndMark, offset * 8 >= markBitCount + shift
                    else { continue }
                    let header = UInt32(truncatingIfNeeded: older << 16 | word >> 48)
                    // `BZh` and a digit.
                    let isFirst = shift == 0 && header >> 8 == 0x42_5a68 && 0x31...0x39 ~= header & 0xff
                    if isFirst { level = UInt8(header & 0xf) }
                    try share.take(UnitTable.entryByteCount, for: "the blocks of \(name)")
                    marks.append(
                        Bzip2Mark(
                            bit: offset * 8 - markBitCount - shift, isStreamEnd: mark == streamEndMark,
                            level: level, isFirst: isFirst))
                    if pendingEnd == .max { pendingEnd = checksumEnd(of: marks[pending]) }
                    streamEndCount += mark == streamEndMark ? 1 : 0
                    guard streamEndCount <= mostStreams else {
                        throw .unsupported(
                            feature: "\(name), a bzip2 file of more than \(mostStreams) streams")
                    }
                }
            }
        }
        return marks
    }

    /// Where the last byte of the checksum behind a mark ends, in bytes.
    private static func checksumEnd(of mark: Bzip2Mark) -> UInt64 {
        (mark.bit + markBitCount + 32 + 7) / 8
    }
}
