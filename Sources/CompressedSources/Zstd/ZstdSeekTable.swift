// The seek table that some zstd files have at their end.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// What a seek table says of the frames before it.
/// Spec: zstd, contrib/seekable_format/zstd_seekable_compression_format.md, "Seek_Table_Format".
struct ZstdSeekTable {
    let units: [CompressedUnit]

    private static let footerByteCount: UInt64 = 9
    private static let headerByteCount: UInt64 = 8

    /// Reads the table; nil where there is none that can be believed. It has no checksum of its own, and a wrong length in
    /// it would move all that follows: it is believed where it fits the file to the byte and all of its frames but the
    /// last have one length.
    /// - Throws: What reading throws, and `ReadError.overBudget`.
    static func read(
        of base: any ByteSource, named name: String, share: BudgetShare
    ) throws(ReadError) -> ZstdSeekTable? {
        guard base.byteCount > footerByteCount + headerByteCount else { return nil }
        let footer = try base.record(
            "seek table", byteCount: Int(footerByteCount), at: base.byteCount - footerByteCount)
        let descriptor = footer.bytes[4]
        guard try footer.littleEndian(UInt32.self, at: 5) == 0x8f92_eab1, descriptor & 0x7c == 0 else {
            return nil
        }
        let count = UInt64(try footer.littleEndian(UInt32.self, at: 0))
        let hasChecksums = descriptor & 0x80 != 0
        // At most 12 × 2^32.
        let entriesByteCount = count * (hasChecksums ? 12 : 8)
        let byteCount = headerByteCount + entriesByteCount + footerByteCount
        guard count > 0, byteCount < base.byteCount else { return nil }
        let start = base.byteCount - byteCount
        let header = try base.record("seek table", byteCount: Int(headerByteCount), at: start)
        guard try header.littleEndian(UInt32.self, at: 0) == 0x184d_2a5e,
            UInt64(try header.littleEndian(UInt32.self, at: 4)) == byteCount - headerByteCount
        else { return nil }
        try share.take(
            count, times: UnitTable.entryByteCount + 12, for: "the seek table of \(name)")
        let entries = try base.record(
            "seek table", byteCount: Int(entriesByteCount), at: start + headerByteCount)
        return try ZstdSeekTable(entries, count: Int(count), hasChecksums: hasChecksums, endingAt: start)
    }

    private init?(
        _ entries: OnDiskRecord, count: Int, hasChecksums: Bool, endingAt end: UInt64
    ) throws(ReadError) {
        var units: [CompressedUnit] = []
        units.reserveCapacity(count)
        var offset: UInt64 = 0
        for index in 0..<count {
            let place = index * (hasChecksums ? 12 : 8)
            let stored = UInt64(try entries.littleEndian(UInt32.self, at: place))
            let decoded = UInt64(try entries.littleEndian(UInt32.self, at: place + 4))
            let checksum = hasChecksums ? try entries.littleEndian(UInt32.self, at: place + 8) : 0
            guard stored > 0, decoded > 0, stored <= end - offset else { return nil }
            if let first = units.first, index < count - 1, decoded != first.decodedByteCount { return nil }
            units.append(
                CompressedUnit(
                    stored: offset..<(offset + stored), decodedByteCount: decoded,
                    kind: hasChecksums ? 1 : 0, checksum: checksum))
            offset += stored
        }
        guard offset == end else { return nil }
        self.units = units
    }
}
