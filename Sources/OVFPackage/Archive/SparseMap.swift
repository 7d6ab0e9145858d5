// Where the stored pieces of a sparse tar member lie.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The stored pieces of a sparse file, ascending and apart; what is between them is zeros.
struct SparseMap: Sendable {
    /// One stored run of bytes.
    struct Piece: Sendable, Equatable {
        /// Where the run is in the file, in bytes.
        let offset: UInt64
        let byteCount: UInt64
        /// Where the run is among the stored bytes.
        let storedOffset: UInt64

        var end: UInt64 { offset + byteCount }
    }

    let pieces: [Piece]
    /// Length of the file with its holes, in bytes.
    let byteCount: UInt64
    /// Sum of the pieces, in bytes.
    let storedByteCount: UInt64

    /// Most pieces of a member.
    static let maximumPieceCount = 1 << 20
    /// Most pieces of all members of an archive: 96 MiB of memory.
    static let maximumTotalPieceCount = 4 << 20

    /// Takes offsets and lengths in turn.
    /// - Throws: `ReadError.corrupt` where pieces overlap, go back, or do not fit.
    init(_ numbers: [UInt64], byteCount: UInt64, in record: String, at offset: UInt64) throws(ReadError) {
        guard numbers.count.isMultiple(of: 2), numbers.count / 2 <= Self.maximumPieceCount else {
            throw .corrupt(record: record, offset: offset, reason: "the sparse map has a wrong length")
        }
        var pieces: [Piece] = []
        var end: UInt64 = 0
        var stored: UInt64 = 0
        for index in stride(from: 0, to: numbers.count, by: 2) {
            let start = numbers[index]
            let length = numbers[index + 1]
            guard start >= end, start <= byteCount, length <= byteCount - start else {
                throw .corrupt(
                    record: record, offset: offset,
                    reason: "piece \(index / 2) of the sparse map overlaps another or passes the end")
            }
            end = start + length
            guard length > 0 else { continue }
            pieces.append(Piece(offset: start, byteCount: length, storedOffset: stored))
            stored += length
        }
        self.pieces = pieces
        self.byteCount = byteCount
        storedByteCount = stored
    }

    private init(pieces: [Piece], byteCount: UInt64, storedByteCount: UInt64) {
        self.pieces = pieces
        self.byteCount = byteCount
        self.storedByteCount = storedByteCount
    }

    /// The file up to the first byte that was not stored because the archive ends after `available` bytes.
    func cut(toStored available: UInt64) -> SparseMap {
        guard available < storedByteCount else { return self }
        var kept: [Piece] = []
        for piece in pieces {
            guard piece.storedOffset + piece.byteCount > available else {
                kept.append(piece)
                continue
            }
            let rest = available - piece.storedOffset
            if rest > 0 {
                kept.append(Piece(offset: piece.offset, byteCount: rest, storedOffset: piece.storedOffset))
            }
            return SparseMap(pieces: kept, byteCount: piece.offset + rest, storedByteCount: available)
        }
        return self
    }

    /// The first piece that ends after `position`; `pieces.count` where there is none.
    func firstPiece(endingAfter position: UInt64) -> Int {
        var low = 0
        var high = pieces.count
        while low < high {
            let middle = (low + high) / 2
            if pieces[middle].end <= position { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// A sparse member: its pieces read from what is stored, its holes as zeros.
struct SparseMemberSource: ByteSource {
    let map: SparseMap
    /// The stored pieces, one after the other.
    let stored: any ByteSource
    let name: String

    var byteCount: UInt64 { map.byteCount }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try forEachRun(of: count, at: offset) { count, storedOffset throws(ReadError) in
            guard let storedOffset else { return output.appendZeros(count) }
            try stored.read(count, at: storedOffset, into: &output)
        }
    }

    func gather(_ count: Int, at offset: UInt64, into list: GatherList) throws(ReadError) {
        try forEachRun(of: count, at: offset) { count, storedOffset throws(ReadError) in
            guard let storedOffset else { return list.appendZeros(count) }
            try stored.gather(count, at: storedOffset, into: list)
        }
    }

    /// Calls `body` with the length of each run of bytes `offset ..< offset + count`, and where it is stored; nil for
    /// zeros.
    private func forEachRun(
        of count: Int, at offset: UInt64, _ body: (Int, _ storedOffset: UInt64?) throws(ReadError) -> Void
    ) throws(ReadError) {
        try checkRange(count, at: offset, named: name)
        let end = offset + UInt64(count)
        var position = offset
        var index = map.firstPiece(endingAfter: position)
        var isStored = false
        while position < end {
            guard index < map.pieces.count, map.pieces[index].offset < end else {
                try body(Int(end - position), nil)
                break
            }
            let piece = map.pieces[index]
            if piece.offset > position {
                try body(Int(piece.offset - position), nil)
                position = piece.offset
            }
            let step = min(piece.end, end) - position
            try body(Int(step), piece.storedOffset + (position - piece.offset))
            isStored = true
            position += step
            index += 1
        }
        // The map was read long ago.
        if !isStored { try stored.validate() }
    }

    func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        try stored.validate()
        var index = map.firstPiece(endingAfter: range.lowerBound)
        var found = range.lowerBound
        switch region {
        case .data:
            guard index < map.pieces.count else { return nil }
            found = max(found, map.pieces[index].offset)
        case .hole:
            while index < map.pieces.count, map.pieces[index].offset <= found {
                found = map.pieces[index].end
                index += 1
            }
        }
        return found < min(range.upperBound, byteCount) ? found : nil
    }

    func validate() throws(ReadError) {
        try stored.validate()
    }

    var isNear: Bool { stored.isNear }
}
