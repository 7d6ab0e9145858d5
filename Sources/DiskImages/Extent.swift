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
        /// The guest reads zeros, whatever a parent has.
        case zeros
        /// Nothing was ever written here: what the parent has, and zeros where there is none.
        case absent
        /// As the guest reads it, from this byte of the image file.
        case stored(at: UInt64)
        /// One cluster, compressed.
        case compressed(CompressedCluster)
        /// What another file of the same disk has, from its own guest byte `at` on: `DiskImage.extentFiles`, by its index.
        case elsewhere(file: Int, at: UInt64)
        /// The map of this stretch is wrong; a read of it fails with this error.
        case damaged(ReadError)
    }

    /// The first guest byte after the stretch.
    package var guestEnd: UInt64 { guestOffset + byteCount }

    /// Whether nothing is stored in this image: the guest reads zeros here, unless a parent has something else.
    package var isHole: Bool {
        switch storage {
        case .zeros, .absent: true
        case .stored, .compressed, .elsewhere, .damaged: false
        }
    }

    package init(guestOffset: UInt64, byteCount: UInt64, storage: Storage) {
        self.guestOffset = guestOffset
        self.byteCount = byteCount
        self.storage = storage
    }
}
