// The names of the disk formats that are read.
// SPDX-License-Identifier: Apache-2.0

/// A disk format as users know it; the raw value is what `info` and `user.ova.format` say.
package enum DiskFormat: String, Sendable, Codable {
    case raw
    case vmdkStreamOptimized = "vmdk-streamOptimized"
    case vmdkMonolithicSparse = "vmdk-monolithicSparse"
}
