// What an entry of a second-level table of a qcow image says.
// SPDX-License-Identifier: Apache-2.0

/// The meaning of an entry, before its place is compared with the file.
///
/// Spec: QEMU, docs/interop/qcow2, "Cluster mapping" and "Extended L2 Entries".
enum QCOWEntry: Equatable {
    /// The backing file's, or zeros.
    case absent
    case zeros
    /// As the guest reads it, from this byte of the file on.
    case stored(at: UInt64)
    /// Compressed: from this byte of the file on, at most so many bytes.
    case compressed(at: UInt64, byteCountLimit: UInt64)
    /// A cluster whose subclusters differ, a bit each; where `stored` has a bit, they are in the cluster at this byte.
    case subclusters(at: UInt64, stored: UInt32, zeros: UInt32)
    case invalid(Reason)

    /// Why an entry makes no sense; static text, so that look-ups allocate nothing.
    enum Reason: String {
        case reserved = "reserved bits are set"
        case markedWithoutPlace = "it is marked as in use and has no place"
        case unaligned = "its place is inside a cluster"
        case contradiction = "subclusters are stored and zeros at once"
        case withoutPlace = "subclusters are stored, and it has no place"
        case compressedSubclusters = "it is compressed and has subclusters"
        case noLength = "its compressed data has no length"
    }

    /// Bits 9 to 55.
    static let placeMask: UInt64 = 0x00ff_ffff_ffff_fe00
    /// Bit 63: one reference only. Nothing to a reader.
    static let isUnshared: UInt64 = 1 << 63
    private static let isCompressed: UInt64 = 1 << 62
    private static let isZero: UInt64 = 1
    /// Bits 1 to 8 and 56 to 61.
    private static let reserved: UInt64 = 0x3f00_0000_0000_01fe

    /// The meaning of `entry` and, where entries are extended, of its `bitmap`.
    init(_ entry: UInt64, bitmap: UInt64, _ geometry: QCOWGeometry) {
        let clusterBits = geometry.clusterBits
        switch geometry.encoding {
        case .version1:
            self = Self.version1(entry, clusterBits)
        case _ where entry & Self.isCompressed != 0:
            self =
                geometry.encoding == .extended && bitmap != 0
                ? .invalid(.compressedSubclusters) : Self.compressed(entry, clusterBits)
        case .version2:
            self = Self.standard(entry, clusterBits, mayBeZero: false)
        case .version3:
            self = Self.standard(entry, clusterBits, mayBeZero: true)
        case .extended:
            self = Self.extended(entry, bitmap, clusterBits)
        }
    }

    private static func standard(_ entry: UInt64, _ clusterBits: UInt64, mayBeZero: Bool) -> QCOWEntry {
        guard entry & (mayBeZero ? reserved : reserved | isZero) == 0 else { return .invalid(.reserved) }
        guard entry & isZero == 0 else { return .zeros }
        let place = entry & placeMask
        guard place != 0 else { return entry == 0 ? .absent : .invalid(.markedWithoutPlace) }
        return place & (1 << clusterBits - 1) == 0 ? .stored(at: place) : .invalid(.unaligned)
    }

    private static func extended(_ entry: UInt64, _ bitmap: UInt64, _ clusterBits: UInt64) -> QCOWEntry {
        guard entry & (reserved | isZero) == 0 else { return .invalid(.reserved) }
        let place = entry & placeMask
        let stored = UInt32(truncatingIfNeeded: bitmap)
        let zeros = UInt32(truncatingIfNeeded: bitmap >> 32)
        guard stored & zeros == 0 else { return .invalid(.contradiction) }
        guard place != 0 else {
            guard stored == 0 else { return .invalid(.withoutPlace) }
            guard entry == 0 else { return .invalid(.markedWithoutPlace) }
            return zeros == 0
                ? .absent : zeros == .max ? .zeros : .subclusters(at: 0, stored: 0, zeros: zeros)
        }
        guard place & (1 << clusterBits - 1) == 0 else { return .invalid(.unaligned) }
        if stored == .max { return .stored(at: place) }
        return zeros == .max ? .zeros : .subclusters(at: place, stored: stored, zeros: zeros)
    }

    /// The size counts in sectors of 512 bytes, from the one that the place is in.
    private static func compressed(_ entry: UInt64, _ clusterBits: UInt64) -> QCOWEntry {
        let placeBits = 70 - clusterBits
        let place = entry & (1 << placeBits - 1)
        let sectorCount = entry >> placeBits & (1 << (clusterBits - 8) - 1)
        return .compressed(at: place, byteCountLimit: (sectorCount + 1) * 512 - place & 511)
    }

    /// Spec: QEMU, block/qcow.
    private static func version1(_ entry: UInt64, _ clusterBits: UInt64) -> QCOWEntry {
        guard entry & isUnshared != 0 else { return entry == 0 ? .absent : .stored(at: entry) }
        let placeBits = 63 - clusterBits
        let byteCount = entry >> placeBits & (1 << clusterBits - 1)
        guard byteCount > 0 else { return .invalid(.noLength) }
        return .compressed(at: entry & (1 << placeBits - 1), byteCountLimit: byteCount)
    }
}
