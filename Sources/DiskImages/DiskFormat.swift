// The names of the disk formats that are read.
// SPDX-License-Identifier: Apache-2.0

/// A disk format as users know it. Each format adds its own in its file.
package struct DiskFormat: Sendable, Hashable, CustomStringConvertible {
    /// What `info` and `user.ova.format` say, such as `vmdk-streamOptimized`.
    package let rawValue: String

    package init(_ name: String) {
        rawValue = name
    }

    package var description: String { rawValue }

    /// The family that the format belongs to, as `ovf:format` URLs and backing files name it: `vmdk` of
    /// `vmdk-streamOptimized`.
    package var family: Substring { rawValue.prefix { $0 != "-" } }

    package static let raw = DiskFormat("raw")
    package static let vmdkStreamOptimized = DiskFormat("vmdk-streamOptimized")
    package static let vmdkMonolithicSparse = DiskFormat("vmdk-monolithicSparse")
}
