// An earlier state of a disk that its image keeps.
// SPDX-License-Identifier: Apache-2.0

/// A snapshot inside of an image.
package struct DiskSnapshot: Sendable {
    /// As the image spells it.
    package let name: [UInt8]
    package let identifier: [UInt8]
    /// When it was taken, in seconds since 1970.
    package let creationTime: Int64
    /// The disk as it was: a map of its own into the same file, with the same parent.
    package let image: any DiskImage

    package init(name: [UInt8], identifier: [UInt8], creationTime: Int64, image: any DiskImage) {
        self.name = name
        self.identifier = identifier
        self.creationTime = creationTime
        self.image = image
    }
}
