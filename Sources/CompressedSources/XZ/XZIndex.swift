// The index of each stream of an xz file, read from the file's end.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs

/// Where the blocks of an xz file are and how long they are.
/// Spec: The .xz File Format 1.1.0, 2.1 "Stream", 2.2 "Stream Padding", 4 "Index".
struct XZIndex {
    private let base: any ByteSource
    private let name: String
    private let share: BudgetShare
    /// Blocks of all streams read so far: those of the last one first, and in each in order.
    private var streams: [[CompressedUnit]] = []
    private var streamCount = 0
    /// Where the last stream ends, and its padding.
    private var endOffset: UInt64

    static let magic: [UInt8] = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
    private static let headerByteCount: UInt64 = 12
    private static let maximumStreamCount = 100_000
    /// Most that is skipped between streams and behind the last one, in bytes.
    private static let maximumPaddingByteCount = OpeningBudget.endingLimit
    /// How far from the file's end the end of the last stream is looked for, in bytes.
    private static let maximumByteCountBehind: UInt64 = 16 << 20

    /// The blocks of `base` that hold something, and how many bytes behind the last stream `lenient` leaves out.
    /// - Throws: `ReadError.corrupt` where the file is cut short or an index damaged, `ReadError.refused` where bytes follow
    ///   the last stream.
    static func units(
        of base: any ByteSource, named name: String, share: BudgetShare, lenient: Bool
    ) throws(ReadError) -> (table: UnitTable, leftOutByteCount: UInt64) {
        var index = XZIndex(base: base, name: name, share: share)
        var knownEnd = try index.endBeforePadding()
        if knownEnd == nil, let end = try index.lastStreamEnd() {
            guard lenient else {
                throw .refused(
                    record: name, offset: end, reason: "what follows the last xz stream is not another one",
                    remedy: .lenient)
            }
            index.endOffset = end
            knownEnd = end
        }
        try index.readStreams(endingAt: knownEnd)
        var table = UnitTable()
        for stream in index.streams.reversed() {
            for unit in stream { try table.add(unit, in: name) }
        }
        return (table, base.byteCount - index.endOffset)
    }

    private init(base: any ByteSource, name: String, share: BudgetShare) {
        self.base = base
        self.name = name
        self.share = share
        endOffset = base.byteCount
    }

    /// The end of the last stream, where the file ends with one and its padding; else nil.
    private func endBeforePadding() throws(ReadError) -> UInt64? {
        var padding: UInt64 = 0
        let end = try skipPadding(before: endOffset, &padding)
        guard end >= Self.headerByteCount, (endOffset - end) % 4 == 0 else { return nil }
        let footer = try base.bytes(Int(Self.headerByteCount), at: end - Self.headerByteCount)
        return Self.isFooter(footer[...]) ? end : nil
    }

    /// The last place near the file's end where a stream may end; nil where there is none. Streams and their padding are
    /// multiples of four bytes.
    private func lastStreamEnd() throws(ReadError) -> UInt64? {
        let size = Int(Self.headerByteCount)
        let least = base.byteCount - min(base.byteCount, Self.maximumByteCountBehind)
        var end = base.byteCount / 4 * 4
        while end >= 2 * Self.headerByteCount, end > least {
            let start = (end - min(end, 64 << 10)) / 4 * 4
            try share.takeEnding(end - start, of: name)
            let bytes = try base.bytes(Int(end - start), at: start)
            for place in stride(from: bytes.count, through: size, by: -4)
            where bytes[place - 1] == 0x5a && Self.isFooter(bytes[(place - size)..<place]) {
                return start + UInt64(place)
            }
            guard start > 0 else { return nil }
            // One that began before these bytes ends in the first of them.
            end = start + Self.headerByteCount - 4
        }
        return nil
    }

    private static func isFooter(_ bytes: ArraySlice<UInt8>) -> Bool {
        let bytes = Array(bytes)
        let stored = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[$1]) << (8 * UInt32($1)) }
        return bytes.suffix(2).elementsEqual([0x59, 0x5a]) && stored == checksum(bytes[4..<10])
    }

    /// `lastEnd` is where the last stream ends, where that is known.
    private mutating func readStreams(endingAt lastEnd: UInt64?) throws(ReadError) {
        var end = endOffset
        var knownEnd = lastEnd
        var padding: UInt64 = 0
        while end > 0 {
            let start: UInt64
            if let known = knownEnd {
                start = known
                knownEnd = nil
            } else {
                start = try skipPadding(before: end, &padding)
            }
            guard start > 0 else { throw corrupt("there is no stream before its padding", at: 0) }
            guard (end - start) % 4 == 0 else {
                throw corrupt("the padding behind a stream is no multiple of four bytes", at: start)
            }
            streamCount += 1
            guard streamCount <= Self.maximumStreamCount else {
                throw .unsupported(feature: "an xz file of more than \(Self.maximumStreamCount) streams")
            }
            end = try readStream(endingAt: start)
        }
    }

    /// The end of what stands before zeros that end at `end`.
    private func skipPadding(before end: UInt64, _ padding: inout UInt64) throws(ReadError) -> UInt64 {
        var end = end
        while end > 0 {
            let count = min(end, padding == 0 ? 4096 : 64 << 10)
            if padding > 0 { try share.takeEnding(count, of: name) }
            let bytes = try base.bytes(Int(count), at: end - count)
            if let last = bytes.lastIndex(where: { $0 != 0 }) { return end - count + UInt64(last) + 1 }
            end -= count
            padding += count
            guard padding <= Self.maximumPaddingByteCount else {
                throw corrupt("it ends in more than \(Self.maximumPaddingByteCount) zeros", at: end)
            }
        }
        return 0
    }

    /// Reads the index of the stream that ends at `end`.
    /// - Returns: Where the stream starts.
    private mutating func readStream(endingAt end: UInt64) throws(ReadError) -> UInt64 {
        guard end >= 2 * Self.headerByteCount else {
            throw corrupt("it does not end as an xz file does; is it cut short?", at: end)
        }
        let footerStart = end - Self.headerByteCount
        let footer = try base.record("\(name), stream footer", byteCount: 12, at: footerStart)
        guard Self.isFooter(footer.bytes[...]) else {
            throw corrupt("it does not end as an xz file does; is it cut short?", at: footerStart)
        }
        let flags = Array(footer.bytes[8..<10])
        guard flags[0] == 0, flags[1] < 16 else {
            throw .unsupported(feature: "\(name) uses a newer version of xz")
        }
        guard XZBlockDecoder.supports(check: flags[1]) else {
            throw .unsupported(feature: "\(name) has checksums of type \(flags[1])")
        }
        let indexByteCount = (UInt64(try footer.littleEndian(UInt32.self, at: 4)) + 1) * 4
        guard indexByteCount <= footerStart - Self.headerByteCount else {
            throw corrupt("the index is said to be longer than the file", at: footerStart)
        }
        let indexStart = footerStart - indexByteCount
        var reader = XZIndexReader(base, indexStart..<footerStart, named: name)
        let (records, blockByteCount) = try reader.records(share: share)
        guard blockByteCount <= indexStart - Self.headerByteCount else {
            throw corrupt("the index has more blocks than there is room for before it", at: indexStart)
        }
        let start = indexStart - blockByteCount - Self.headerByteCount
        let header = try base.record("\(name), stream header", byteCount: 12, at: start)
        guard header.bytes.starts(with: Self.magic),
            try header.littleEndian(UInt32.self, at: 8) == Self.checksum(header.bytes[6..<8]),
            header.bytes[6..<8].elementsEqual(flags)
        else { throw corrupt("a stream does not start where its index says, or is damaged there", at: start) }
        var place = start + Self.headerByteCount
        streams.append(
            records.map { record in
                defer { place += (record.unpaddedByteCount + 3) & ~3 }
                return CompressedUnit(
                    stored: place..<(place + record.unpaddedByteCount),
                    decodedByteCount: record.decodedByteCount, kind: flags[1])
            })
        return start
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        unsafe Array(bytes).withUnsafeBytes {
            UInt32(truncatingIfNeeded: unsafe Inflater.checksum(0, of: $0))
        }
    }

    private func corrupt(_ reason: String, at offset: UInt64) -> ReadError {
        .corrupt(record: name, offset: offset, reason: reason)
    }
}
