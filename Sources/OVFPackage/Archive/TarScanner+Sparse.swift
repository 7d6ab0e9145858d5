// The two places where a tar archive keeps a sparse map apart from the pax keywords.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension TarScanner {
    /// The map of an old GNU sparse member (type `S`): four pieces in the header, 21 in each block that follows.
    /// Spec: GNU tar manual, "Extensions to the tar archive format: old GNU format".
    mutating func oldSparseMap(
        _ header: OnDiskRecord
    ) throws(ReadError) -> (map: SparseMap, dataOffset: UInt64) {
        guard let byteCount = TarNumber(try header.slice(12, at: 483))?.unsigned else {
            throw header.corrupt(at: 483, "the length of the sparse file is negative or no number")
        }
        var numbers: [UInt64] = []
        try appendPieces(4, of: header, at: 386, to: &numbers)
        var isExtended = header.bytes[482] != 0
        var offset = header.sourceOffset + UInt64(TarHeader.blockByteCount)
        while isExtended {
            guard let block = try window.block(at: offset, named: "tar sparse map") else {
                throw .corrupt(record: "tar sparse map", offset: offset, reason: "the archive ends inside it")
            }
            guard numbers.count / 2 < SparseMap.maximumPieceCount else {
                throw block.corrupt(at: 0, "more than \(SparseMap.maximumPieceCount) pieces")
            }
            try appendPieces(21, of: block, at: 0, to: &numbers)
            isExtended = block.bytes[504] != 0
            offset += UInt64(TarHeader.blockByteCount)
        }
        let map = try SparseMap(
            numbers, byteCount: byteCount, in: "tar sparse map", at: header.sourceOffset)
        return (map, offset)
    }

    private func appendPieces(
        _ count: Int, of block: OnDiskRecord, at start: Int, to numbers: inout [UInt64]
    ) throws(ReadError) {
        for index in 0..<count {
            let field = start + 24 * index
            let entry = try block.slice(24, at: field)
            // The first empty entry ends the list.
            guard entry.first != 0 else { return }
            guard let offset = TarNumber(entry.prefix(12))?.unsigned,
                let length = TarNumber(entry.suffix(12))?.unsigned
            else { throw block.corrupt(at: field, "a piece of the sparse map is no number") }
            numbers += [offset, length]
        }
    }

    /// The map in front of the data of a pax 1.0 sparse member: decimal lines, padded to a block.
    /// - Returns: offsets and lengths in turn, and how long the map is in the archive.
    /// Spec: GNU tar manual, "PAX Format, Version 1.0".
    mutating func sparseNumbers(
        at dataOffset: UInt64, stored: UInt64
    ) throws(ReadError) -> (numbers: [UInt64], byteCount: UInt64) {
        let available = min(stored, source.byteCount - min(source.byteCount, dataOffset))
        var lines = DecimalLines()
        var consumed: UInt64 = 0
        while !lines.isComplete {
            // Whole blocks only, and few: most maps are one.
            let step = min(consumed == 0 ? 512 : Self.sparseMapReadByteCount, available - consumed)
            guard step > 0 else {
                throw .corrupt(
                    record: "tar sparse map", offset: dataOffset,
                    reason: "the map does not end inside the member")
            }
            let record = try window.record(
                "tar sparse map", byteCount: Int(step), at: dataOffset + consumed)
            let used = try lines.take(record)
            consumed += UInt64(used)
        }
        let byteCount = try consumed.roundedUp(
            toMultipleOf: UInt64(TarHeader.blockByteCount), in: "tar sparse map", at: dataOffset)
        return (lines.numbers, min(byteCount, stored))
    }

    private static let sparseMapReadByteCount: UInt64 = 1 << 16
}

/// Decimal numbers, each ended by a line feed: how many pairs follow, then the pairs.
private struct DecimalLines {
    private(set) var numbers: [UInt64] = []
    private var pairCount: UInt64?
    private var value: UInt64?

    var isComplete: Bool { pairCount.map { UInt64(numbers.count) == 2 * $0 } ?? false }

    /// Takes numbers until all are there; returns how many bytes were used.
    mutating func take(_ record: OnDiskRecord) throws(ReadError) -> Int {
        for (index, byte) in record.bytes.enumerated() {
            if byte == 0x0a, let number = value {
                value = nil
                if pairCount == nil {
                    guard number <= UInt64(SparseMap.maximumPieceCount) else {
                        throw record.corrupt(at: index, "more than \(SparseMap.maximumPieceCount) pieces")
                    }
                    pairCount = number
                } else {
                    numbers.append(number)
                }
                if isComplete { return index + 1 }
            } else if (0x30...0x39).contains(byte), (value ?? 0) < 1 << 59 {
                value = (value ?? 0) &* 10 &+ UInt64(byte & 0x0f)
            } else {
                throw record.corrupt(at: index, "a line is no number")
            }
        }
        return record.bytes.count
    }
}
