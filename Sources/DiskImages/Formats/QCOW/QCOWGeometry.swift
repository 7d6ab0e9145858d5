// How the two levels of tables of a qcow image divide the guest disk.
// SPDX-License-Identifier: Apache-2.0

/// What look-ups calculate with, of all versions. Entries of the first level are 8 bytes in each.
struct QCOWGeometry: Sendable {
    /// What an entry of a second-level table looks like.
    enum Encoding: Sendable {
        /// A place, or a length and a place of compressed data; no flags.
        case version1
        case version2
        /// Version 3: with a flag for zeros.
        case version3
        /// Version 3 with 16 bytes for an entry: a place, and two bits for each of 32 subclusters.
        case extended
    }

    let encoding: Encoding
    /// Logarithm of a cluster's bytes: 9 to 21.
    let clusterBits: UInt64
    /// Logarithm of the entries of a second-level table: 5 to 18.
    let tableBits: UInt64
    /// What compressed clusters are.
    let compression: CompressedCluster.Framing

    /// The most that is read and cached of a table at once, in bytes: tables of 2 MiB exist.
    private static let sliceBits: UInt64 = 14

    var clusterByteCount: UInt64 { 1 << clusterBits }
    /// Logarithm of an entry's bytes.
    var entryBits: UInt64 { encoding == .extended ? 4 : 3 }
    var entryByteCount: UInt64 { 1 << entryBits }
    /// Length of a second-level table, in bytes.
    var tableByteCount: UInt64 { 1 << (tableBits + entryBits) }
    /// Logarithm of the guest bytes that a second-level table leads to: at most 39.
    var tableGuestBits: UInt64 { tableBits + clusterBits }
    /// Logarithm of the entries of a slice.
    var sliceEntryBits: UInt64 { min(tableBits, Self.sliceBits - entryBits) }
    /// Whether clusters and tables start at multiples of a cluster.
    var isAligned: Bool { encoding != .version1 }

    /// Entries that the first level needs for a disk of `virtualByteCount` bytes.
    func firstLevelEntryCount(for virtualByteCount: UInt64) -> UInt64 {
        virtualByteCount == 0 ? 0 : (virtualByteCount - 1) >> tableGuestBits + 1
    }
}
