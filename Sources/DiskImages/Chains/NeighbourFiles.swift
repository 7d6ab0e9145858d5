// The files that stand beside an image, which its parent and its parts are looked for in.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// The members of the image's package in its folder, or the regular files of the folder that it is in. Nothing outside of
/// it is ever opened.
package protocol NeighbourFiles: Sendable {
    /// The file called `name`, which has no `/`; nil where there is none. Whoever makes it a part of a disk says so by its
    /// `use`.
    /// - Throws: `ReadError` where there is one that may not be opened, such as a link or a device.
    func file(named name: [UInt8]) throws(ReadError) -> NeighbourFile?

    /// The names of the files, in no order; at most `limit` of them.
    func names(atMost limit: Int) throws(ReadError) -> [[UInt8]]

    /// Where they are, for messages: such as `in /srv/images`.
    var place: String { get }

    /// Whether these names, from the root on, lead to the folder that they are in; false where they are in none.
    func isFolder(at path: [[UInt8]]) -> Bool

    /// What the images among them are known by; the same for all who look at this folder.
    var identities: FolderIdentities { get }
}

extension NeighbourFiles {
    /// Of files that are looked at for one disk only.
    package var identities: FolderIdentities { FolderIdentities() }

    package var place: String { "in the same folder" }

    package func isFolder(at path: [[UInt8]]) -> Bool { false }
}

/// A file beside an image.
package struct NeighbourFile: Sendable {
    package let source: any ByteSource
    /// What errors call it.
    package let name: String
    /// The same for all names of a file.
    package let key: FileKey
    /// The files beside it; nil where they are those beside its child.
    package let neighbours: (any NeighbourFiles)?
    /// The image in it, for all disks that have it.
    package let image: SharedImage
    /// Notes that it is a part of a disk, and not only looked at.
    package let use: @Sendable () -> Void

    package init(
        _ source: any ByteSource, named name: String, key: FileKey,
        neighbours: (any NeighbourFiles)? = nil, image: SharedImage = SharedImage(),
        use: @escaping @Sendable () -> Void = {}
    ) {
        self.source = source
        self.name = name
        self.key = key
        self.neighbours = neighbours
        self.image = image
        self.use = use
    }
}

/// Which file it is, whatever it is called.
package struct FileKey: Hashable, Sendable {
    private let parts: [UInt64]

    package init(_ parts: [UInt64]) {
        self.parts = parts
    }
}
