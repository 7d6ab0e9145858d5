// One compressed cluster, as it is stored in an image file.
// SPDX-License-Identifier: Apache-2.0

/// Where a compressed cluster is stored, and what it must decode to.
package struct CompressedCluster: Sendable, Equatable {
    /// The cluster's number on the guest disk: guest offset divided by the image's cluster size.
    package let index: UInt64
    /// Where its stored form starts in the image file, in bytes.
    package let storedOffset: UInt64
    /// How many bytes from `storedOffset` on can belong to it: a bound, often exact, never past the end of the
    /// file. Where clusters were written one after the other, the next one starts at its end, or within it.
    package let storedByteCountLimit: Int
    /// The size of a whole cluster, in bytes: it never decodes to more.
    package let decodedByteCount: Int
    /// What it must at least decode to: less than a whole cluster for the last one of a disk.
    package let neededByteCount: Int
    package let framing: Framing

    /// What stands around the compressed data.
    package enum Framing: Sendable, Equatable {
        /// A VMDK grain marker (LBA in sectors, size), then zlib data.
        case grainMarker(lba: UInt64)
        /// A VMDK grain without the marker flag: a grain marker where its LBA is the expected one, else a
        /// 4-byte size, then zlib data. Since nothing in it says whose it is, it has to end before the next grain, and the
        /// one that starts at byte `preceding` of the file has to end before it.
        case grainMarkerOrSize(lba: UInt64, preceding: UInt64?)
        /// Raw deflate data of at most `storedByteCountLimit` bytes; what follows its end is ignored. Spec: RFC 1951.
        case deflate
        /// One zstd frame within `storedByteCountLimit` bytes; what follows it is ignored. Spec: RFC 8878.
        case zstd
        /// zlib data of exactly `storedByteCountLimit` bytes, with its checksum. Spec: RFC 1950.
        case zlib
    }

    package init(
        index: UInt64, storedOffset: UInt64, storedByteCountLimit: Int, decodedByteCount: Int,
        neededByteCount: Int, framing: Framing
    ) {
        self.index = index
        self.storedOffset = storedOffset
        self.storedByteCountLimit = storedByteCountLimit
        self.decodedByteCount = decodedByteCount
        self.neededByteCount = neededByteCount
        self.framing = framing
    }
}
