// Decodes a gzip file once, to know its length, check it, and note where decoding can start again.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs

/// The one pass that opening a gzip file takes.
struct GzipScan {
    let cursor: GzipCursor
    private(set) var index: GzipIndex
    private let maximumByteCount: UInt64
    private let lenient: Bool
    private let name: String
    /// Members and blocks so far, by what they cost apart from what they hold.
    private var pieceCost: UInt64 = 0

    /// What a member costs, in blocks.
    private static let memberCost: UInt64 = 8
    /// Pieces that a file may have in any case, and bytes that it has to hold for each one more: then what a file costs is what
    /// it decodes to. Programs that compress in pieces make them of tens of kilobytes.
    private static let freePieceCost: UInt64 = 1 << 20
    private static let leastPieceByteCount: UInt64 = 256
    private let progress: OpeningProgress.Work?
    /// The CRC-32 and the length of what was decoded since the last restart point or the start of the member: both are
    /// put together of such pieces.
    private var piece: (checksum: UInt, byteCount: UInt64) = (0, 0)

    private static let bufferByteCount = 256 << 10

    init(
        _ base: any ByteSource, maximumByteCount: UInt64, named name: String, lenient: Bool,
        budget: OpeningBudget, progress: OpeningProgress.Work? = nil
    ) throws(ReadError) {
        self.progress = progress
        self.lenient = lenient
        self.name = name
        index = GzipIndex(budget: budget)
        cursor = try GzipCursor(over: base, named: name)
        self.maximumByteCount = maximumByteCount
    }

    /// Decodes every member. Zeros after a member are padding. Other bytes are a member whose header is damaged, or
    /// no part of the file: what is before them may not be all.
    mutating func run() throws(ReadError) {
        let buffer = try unsafe LargeMemory.take(Self.bufferByteCount, for: "decoding")
        defer { unsafe LargeMemory.giveBack(buffer) }
        var memberCount = 0
        while true {
            if memberCount > 0 { try cursor.skipZeros() }
            let start = cursor.inputOffset
            guard try cursor.startMember() else { break }
            memberCount += 1
            try countPiece(Self.memberCost)
            if index.wantsPoint(at: cursor.outputOffset, start) {
                index.add(
                    GzipRestartPoint(
                        outputOffset: cursor.outputOffset, inputOffset: start, bitCount: 0, bits: 0,
                        window: [], isMemberStart: true))
            }
            try unsafe decodeMember(buffer)
        }
        guard memberCount > 0 else { throw cursor.corrupt("there is no gzip member") }
        guard cursor.isAtEnd || lenient else {
            throw cursor.refused("what follows the last gzip member is neither another one nor zeros")
        }
    }

    /// - Throws: where the file is cut into more pieces than what they hold is worth.
    private mutating func countPiece(_ cost: UInt64) throws(ReadError) {
        // At most 8 for each stored byte: no overflow.
        pieceCost += cost
        guard pieceCost > Self.freePieceCost + cursor.outputOffset / Self.leastPieceByteCount else { return }
        throw .unsupported(
            feature: "\(name) is a gzip file in so many pieces that hold next to nothing: "
                + "\(cursor.outputOffset) bytes in the first \(cursor.inputOffset)")
    }

    // SAFETY: the buffer is lent to this call alone.
    private mutating func decodeMember(_ buffer: UnsafeMutableRawBufferPointer) throws(ReadError) {
        var checksum: UInt32 = 0
        let start = cursor.outputOffset
        while true {
            let before = cursor.inputOffset
            let (produced, event) = try unsafe cursor.step(into: buffer)
            progress?.advance(by: cursor.inputOffset - before)
            if produced > 0 {
                piece.checksum = unsafe Inflater.checksum(
                    piece.checksum, of: UnsafeRawBufferPointer(rebasing: buffer[..<produced]))
                piece.byteCount += UInt64(produced)
            }
            guard cursor.outputOffset <= maximumByteCount else {
                throw .tooLong(name, maximumByteCount)
            }
            switch event {
            case .none:
                guard index.wantsPointInsideBlock(at: cursor.outputOffset, cursor.inputOffset) else { break }
                endPiece(&checksum)
                index.add(
                    GzipRestartPoint(
                        outputOffset: cursor.outputOffset, inputOffset: cursor.inputOffset, bitCount: 0,
                        bits: 0, window: [], isMemberStart: false, snapshot: try cursor.snapshot()))
            case .blockEnd(let bitCount):
                try countPiece(1)
                let isDistant = index.wantsPoint(at: cursor.outputOffset, cursor.inputOffset)
                guard isDistant || index.points.last?.snapshot != nil else { break }
                endPiece(&checksum)
                guard isDistant || index.dropLastInsideBlock() else { break }
                index.add(
                    GzipRestartPoint(
                        outputOffset: cursor.outputOffset, inputOffset: cursor.inputOffset,
                        bitCount: bitCount,
                        bits: bitCount > 0 ? cursor.lastByte >> UInt8(8 - bitCount) : 0,
                        window: cursor.window(),
                        isMemberStart: false))
            case .memberEnd:
                let trailer = try cursor.readTrailer()
                endPiece(&checksum)
                guard trailer.checksum == checksum else {
                    throw cursor.corrupt("the checksum of the decoded bytes is wrong")
                }
                guard trailer.byteCount == UInt32(truncatingIfNeeded: cursor.outputOffset - start) else {
                    throw cursor.corrupt("the length of the decoded bytes is wrong")
                }
                return
            }
        }
    }

    /// Adds what was decoded since the last call to the checksum of the member and to that of the last restart point.
    private mutating func endPiece(_ member: inout UInt32) {
        let checksum = UInt32(truncatingIfNeeded: piece.checksum)
        member = Inflater.combined(member, checksum, byteCount: piece.byteCount)
        index.extend(by: checksum, byteCount: piece.byteCount)
        piece = (0, 0)
    }
}
