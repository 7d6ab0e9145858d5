// The markers between the grains of a stream.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A marker that announces metadata; it fills a sector, and its sectors of metadata follow.
///
/// Spec: VMware Virtual Disk Format 5.0, "Markers".
struct MetadataMarker {
    enum Kind: UInt32 {
        case endOfStream = 0
        case grainTable = 1
        case grainDirectory = 2
        case footer = 3
        case unspecified = 4
    }

    /// What the marker and its type take, in bytes; the rest of the sector is padding.
    static let byteCount = 16

    let kind: Kind
    /// How many sectors of metadata follow the marker's own.
    let sectorCount: UInt64

    /// The marker at `offset` of `record`; nil where that is a grain's or no marker at all.
    init?(parsing record: OnDiskRecord, at offset: Int) throws(ReadError) {
        guard try record.littleEndian(UInt32.self, at: offset + 8) == 0,
            let kind = Kind(rawValue: try record.littleEndian(UInt32.self, at: offset + 12))
        else { return nil }
        self.kind = kind
        sectorCount = try record.littleEndian(UInt64.self, at: offset)
    }
}
