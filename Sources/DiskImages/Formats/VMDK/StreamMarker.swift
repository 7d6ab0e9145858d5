// A marker of a stream: what it announces, and where the next one is.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A marker that a stream with a certain header may have, as far as the marker itself tells.
///
/// Spec: VMware Virtual Disk Format 5.0, "Markers".
struct StreamMarker {
    enum Kind: Equatable {
        /// A compressed grain, by its number on the guest disk.
        case grain(UInt64)
        case grainTable
        case grainDirectory
        case footer
        case endOfStream
        case unspecified
    }

    /// What is looked at of a marker, in bytes: of a grain's, two bytes of its zlib data, too.
    static let byteCount = MetadataMarker.byteCount

    let kind: Kind
    /// The marker and what belongs to it, in bytes; below 2^50. The next marker is in the next sector behind it.
    let byteCount: UInt64

    /// The marker that `record` is, which stands at `sector` of the file; nil where that is none.
    init?(
        parsing record: OnDiskRecord, at sector: UInt64, of header: SparseExtentHeader
    ) throws(ReadError) {
        let size = try record.littleEndian(UInt32.self, at: 8)
        guard size > 0 else {
            guard let marker = try MetadataMarker(parsing: record, at: 0),
                let kind = Self.kind(of: marker, header)
            else { return nil }
            self.kind = kind
            byteCount = kind == .endOfStream ? 512 : (marker.sectorCount + 1) * 512
            return
        }
        let lba = try record.littleEndian(UInt64.self, at: 0)
        // RFC 1950, 2.2: method 8, and a header that is a multiple of 31.
        let first = UInt16(try record.littleEndian(UInt8.self, at: 12))
        let second = UInt16(try record.littleEndian(UInt8.self, at: 13))
        // A grain table has room for 32 bits of the sector.
        guard UInt32(exactly: sector) != nil, lba < header.capacity, lba % header.grainSize == 0,
            UInt64(size) <= 2 * UInt64(header.grainByteCount),
            first & 0x0f == 8, (first << 8 | second) % 31 == 0
        else { return nil }
        kind = .grain(lba / header.grainSize)
        // No overflow: the size is at most two grains, 16 MiB.
        byteCount = UInt64(GrainMarker.byteCount) + UInt64(size)
    }

    private static func kind(of marker: MetadataMarker, _ header: SparseExtentHeader) -> Kind? {
        // A count beyond 2^40 sectors is no marker.
        guard marker.kind == .endOfStream || marker.sectorCount < 1 << 40 else { return nil }
        switch marker.kind {
        case .endOfStream: return .endOfStream
        case .grainTable:
            // A table of another length is no table of this disk, and tables that overlapped would be read many times.
            return marker.sectorCount == header.tableByteCount / 512 ? .grainTable : nil
        case .grainDirectory: return .grainDirectory
        case .footer: return .footer
        case .unspecified: return .unspecified
        }
    }
}
