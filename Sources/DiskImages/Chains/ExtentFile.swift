// A file that holds a part of a disk.
// SPDX-License-Identifier: Apache-2.0

/// Another file that an image's map leads to.
package struct ExtentFile: Sendable, Equatable {
    /// The name of a file beside the image: bytes as stored, without any folder.
    package let name: [UInt8]
    package let content: Content

    package enum Content: Sendable, Equatable {
        /// The guest's bytes, from this byte of the file on, whatever they look like.
        case raw(from: UInt64)
        /// A part of a sparse VMDK: hosted (`KDMV`), COWD or seSparse, by its content.
        case sparseExtent
    }

    package init(name: [UInt8], content: Content) {
        self.name = name
        self.content = content
    }
}
