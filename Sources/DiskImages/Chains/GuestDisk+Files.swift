// The files that a guest disk is read from.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

extension GuestDisk {
    /// The file of each layer, the disk's own first.
    package var files: [any ByteSource] { layers.map(\.file) }
}

extension DiskLayer {
    /// Whether it is read as a raw disk while its end, by which a fixed VHD is known, cannot be read.
    package var isRawWithoutEnd: Bool { (image as? RawImage)?.unreadableEnd != nil }
}
