// A stretch of a guest disk and where its bytes live.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// A stretch of a guest disk that is stored in one way.
package struct Extent: Sendable, Equatable {
    /// Where the stretch starts on the guest disk, in bytes.
    package let guestOffset: UInt64
    /// Length, in bytes, clipped to the guest disk; a compressed extent is exactly one cluster.
    package let byteCount: UInt64
    package let storage: Storage

    /// Where a stretch of the guest disk lives.
    package enum Storage: Sendable, Equatable {
        /// Nothing is stored: the guest reads zeros.
        case zeros
        /// As the guest reads it, from this byte of the image file.
        case stored(at: UInt64)
        /// One cluster, compressed.
        case compressed(CompressedCluster)
        /// The map of this stretch is wrong; a read of it fails with this error.
        case damaged(ReadError)
    }

    /// The first guest byte after the stretch.
    package var guestEnd: UInt64 { guestOffset + byteCount }

    /// Whether the guest reads zeros here and nothing is stored.
    package var isHole: Bool {
        if case .zeros = storage { true } else { false }
    }

    package init(guestOffset: UInt64, byteCount: UInt64, storage: Storage) {
        self.guestOffset = guestOffset
        self.byteCount = byteCount
        self.storage = storage
    }
}
