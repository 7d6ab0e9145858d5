// Reads header blocks with no more of the archive than it takes.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A moving window over the archive. While members are small it grows, so that one read brings many headers;
/// after a large member it is one block again.
struct TarWindow {
    private let source: any ByteSource
    private var bytes: [UInt8] = []
    private var start: UInt64 = 0
    private var readAhead = Self.minimumByteCount

    /// A read is this long when the members are large, in bytes.
    private static let minimumByteCount: UInt64 = 512
    /// A read is never longer than this, in bytes.
    private static let maximumByteCount: UInt64 = 1 << 16
    /// A header this close behind the window makes the next read twice as long, in bytes.
    private static let nearByteCount: UInt64 = 4096

    init(over source: any ByteSource) {
        self.source = source
    }

    /// The block at `offset`; nil where the archive ends before the block does.
    mutating func block(at offset: UInt64, named name: String) throws(ReadError) -> OnDiskRecord? {
        let length = TarHeader.blockByteCount
        guard offset <= source.byteCount, source.byteCount - offset >= UInt64(length) else { return nil }
        if offset < start || offset - start > UInt64(bytes.count)
            || UInt64(bytes.count) - (offset - start) < UInt64(length)
        {
            try move(to: offset)
        }
        let first = Int(offset - start)
        return OnDiskRecord(Array(bytes[first..<(first + length)]), named: name, at: offset)
    }

    /// The record of `byteCount` bytes at `offset`. What the window has is not read again: in a compressed archive each
    /// step back would decode anew what is before it.
    mutating func record(
        _ name: String, byteCount: Int, at offset: UInt64
    ) throws(ReadError) -> OnDiskRecord {
        let end = start + UInt64(bytes.count)
        guard offset >= start, offset < end else {
            return keep(try source.record(name, byteCount: byteCount, at: offset))
        }
        let first = Int(offset - start)
        let present = bytes[first...].prefix(byteCount)
        guard present.count < byteCount else { return OnDiskRecord(Array(present), named: name, at: offset) }
        let rest = try source.record(name, byteCount: byteCount - present.count, at: end)
        return keep(OnDiskRecord(present + rest.bytes, named: name, at: offset))
    }

    private mutating func keep(_ record: OnDiskRecord) -> OnDiskRecord {
        bytes = record.bytes
        start = record.sourceOffset
        return record
    }

    private mutating func move(to offset: UInt64) throws(ReadError) {
        let end = start + UInt64(bytes.count)
        let isNear = offset >= start && offset <= end + Self.nearByteCount
        readAhead = isNear ? min(readAhead * 2, Self.maximumByteCount) : Self.minimumByteCount
        var count = min(readAhead, source.byteCount - offset)
        // What comes in order is not waited for before it is wanted.
        if source.arrivesInOrder, !source.isAtHand(offset..<(offset + count)) {
            count = min(count, Self.minimumByteCount)
        }
        bytes = try source.bytes(Int(count), at: offset)
        start = offset
    }
}
