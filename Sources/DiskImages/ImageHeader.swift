// What a disk image says of itself in its header alone.
// SPDX-License-Identifier: Apache-2.0

/// A disk's format and size, for who wants no more of it: one read of the file's start, and one of its last sector where that
/// may have a mark; of a VHDX two more, of its tables.
package struct ImageHeader: Sendable, Equatable {
    package let format: DiskFormat
    /// As the format says, to the byte.
    package let virtualByteCount: UInt64

    package init(_ format: DiskFormat, virtualByteCount: UInt64) {
        self.format = format
        self.virtualByteCount = virtualByteCount
    }

    /// How much of the start is read, in bytes.
    package static let headByteCount = 64 << 10
}
