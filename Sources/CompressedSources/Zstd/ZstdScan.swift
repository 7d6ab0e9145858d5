// Goes from frame to frame of a zstd file without decoding any.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs

/// Finds the frames by the lengths of their blocks.
/// Spec: RFC 8878, 3.1.1 "Zstandard Frames", 3.1.1.2 "Blocks".
struct ZstdScan {
    private let base: any ByteSource
    private let name: String
    private let share: BudgetShare
    private var buffer: [UInt8] = []
    private var bufferStart: UInt64 = 0
    /// All frames that may hold something, with the lengths that their headers say.
    private(set) var units: [CompressedUnit] = []

    /// The frames with the lengths that can be believed. Nothing covers a length, and a wrong one would move all that
    /// follows: it counts where nothing follows, or where all frames but the last are said to have one length, of which
    /// there are two at least. Else all are decoded to know it.
    var vouchedUnits: [CompressedUnit] {
        let lengths = Set(units.dropLast().map(\.decodedByteCount))
        let isVouched =
            units.count == 1
            || units.count > 2 && lengths.count == 1
                && !lengths.contains(CompressedUnit.unknownByteCount)
        return isVouched ? units : units.map(\.withoutLength)
    }
    /// Bytes behind the last frame that belong to none.
    private(set) var leftOutByteCount: UInt64 = 0

    private static let largeReadByteCount: UInt64 = 64 << 10
    private static let smallReadByteCount: UInt64 = 512
    private static let largestBlockByteCount: UInt64 = 128 << 10

    init(_ base: any ByteSource, named name: String, share: BudgetShare) {
        self.base = base
        self.name = name
        self.share = share
    }

    /// Finds all frames that may hold something.
    /// - Throws: `ReadError.corrupt` where the file is cut short or a header damaged; `ReadError.refused` where
    ///   bytes follow that are no frame, unless `lenient` leaves them out; `ReadError.unsupported` where a frame needs
    ///   a dictionary, or a window that is too large.
    mutating func run(lenient: Bool) throws(ReadError) {
        var offset: UInt64 = 0
        var frameCount = 0
        while offset < base.byteCount {
            let head = try bytes(ZstdFrameHeader.largestByteCount, at: offset)
            if CompressionFormat.isSkippableFrame(head) {
                guard head.count >= 8 else { throw cut(at: offset) }
                let length = head.dropFirst(4).prefix(4).reversed().reduce(0 as UInt64) {
                    $0 << 8 | UInt64($1)
                }
                guard length <= base.byteCount - offset - 8 else { throw cut(at: offset) }
                offset += 8 + length
            } else if ZstdFrameHeader.isFrame(head) {
                frameCount += 1
                offset = try addFrame(head, at: offset)
            } else {
                guard frameCount > 0 else { throw corrupt("there is no zstd frame", at: offset) }
                guard lenient else {
                    throw .refused(
                        record: name, offset: offset,
                        reason: "what follows the last zstd frame is not another one", remedy: .lenient)
                }
                leftOutByteCount = base.byteCount - offset
                return
            }
        }
        guard frameCount > 0 else { throw corrupt("there is no zstd frame", at: 0) }
    }

    /// Takes note of the frame at `start`.
    /// - Returns: Where it ends.
    private mutating func addFrame(_ head: ArraySlice<UInt8>, at start: UInt64) throws(ReadError) -> UInt64 {
        guard let header = try ZstdFrameHeader(head, record: name, at: start) else { throw cut(at: start) }
        try ZstdFormat.check(header, named: name)
        var offset = start + UInt64(header.byteCount)
        var isEmpty = true
        while true {
            let block = try bytes(3, at: offset)
            guard block.count == 3 else { throw cut(at: start) }
            let word = block.reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
            let (isLast, type, length) = (word & 1 == 1, word >> 1 & 3, word >> 3)
            guard type != 3, length <= Self.largestBlockByteCount else {
                throw corrupt("the header of a block is damaged", at: offset)
            }
            let stored = type == 1 ? 1 : length
            guard stored <= base.byteCount - offset - 3 else { throw cut(at: start) }
            offset += 3 + stored
            isEmpty = isEmpty && length == 0
            if isLast { break }
        }
        if header.hasChecksum {
            guard base.byteCount - offset >= 4 else { throw cut(at: start) }
            offset += 4
        }
        guard !isEmpty else { return offset }
        try share.take(UnitTable.entryByteCount, for: "the frames of \(name)")
        // One that has blocks and is said to hold nothing is decoded: else a wrong bit would leave it out.
        let length = header.contentByteCount == 0 ? nil : header.contentByteCount
        units.append(
            CompressedUnit(
                stored: start..<offset, decodedByteCount: length ?? CompressedUnit.unknownByteCount))
        return offset
    }

    /// At most `count` bytes at `offset`; fewer at the end of the file.
    private mutating func bytes(_ count: Int, at offset: UInt64) throws(ReadError) -> ArraySlice<UInt8> {
        let wanted = min(UInt64(count), base.byteCount - offset)
        let bufferEnd = bufferStart + UInt64(buffer.count)
        if offset < bufferStart || offset + wanted > bufferEnd {
            // Large blocks are passed over; of small ones many are in one read.
            let isNear = offset >= bufferStart && offset - min(offset, bufferEnd) < 4096
            let length = isNear ? Self.largeReadByteCount : Self.smallReadByteCount
            buffer = try base.bytes(Int(min(length, base.byteCount - offset)), at: offset)
            bufferStart = offset
        }
        let first = Int(offset - bufferStart)
        return buffer[first..<(first + Int(wanted))]
    }

    private func corrupt(_ reason: String, at offset: UInt64) -> ReadError {
        .corrupt(record: name, offset: offset, reason: reason)
    }

    private func cut(at offset: UInt64) -> ReadError {
        corrupt("the file ends inside the zstd frame that starts here", at: offset)
    }
}
