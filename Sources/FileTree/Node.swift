// One file, directory or link of a mounted tree.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// An inode: what it is, and what stat(2) says of it.
package struct Node: Sendable {
    /// The inode number: 1 for the root, then in the order in which the tree was built.
    package let inode: UInt64
    package let content: Content
    package let attributes: Attributes
    package let extendedAttributes: [ExtendedAttribute]

    package enum Content: Sendable {
        case directory(Directory)
        case file(any ByteSource)
        /// A file whose text is made anew each time it is opened.
        case liveFile(@Sendable () -> [UInt8])
        case symbolicLink(target: [UInt8])
    }

    /// Length as stat(2) gives it, in bytes.
    package var byteCount: UInt64 {
        switch content {
        case .directory: 0
        case .file(let source): source.byteCount
        case .liveFile(let render): UInt64(render().count)
        case .symbolicLink(let target): UInt64(target.count)
        }
    }

    /// The data that is there, in bytes, as st_blocks gives it.
    /// For a thread that may wait; of what cannot be counted, all is taken for data.
    package var allocatedByteCount: UInt64 {
        guard let count = attributes.countAllocated else { return byteCount }
        return (try? count()) ?? byteCount
    }
}
