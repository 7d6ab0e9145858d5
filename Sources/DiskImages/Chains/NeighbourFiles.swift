// The files that stand beside an image, which its parent and its parts are looked for in.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// The members of the image's package in its folder, or the regular files of the folder that it is in. Nothing outside of
/// it is ever opened.
package protocol NeighbourFiles: Sendable {
    /// The file called `name`, which has no `/`; nil where there is none.
    /// - Throws: `ReadError` where there is one that may not be opened, such as a link or a device.
    func file(named name: [UInt8]) throws(ReadError) -> NeighbourFile?

    /// The names of the files, in no order; at most `limit` of them.
    func names(atMost limit: Int) throws(ReadError) -> [[UInt8]]
}

/// A file beside an image.
package struct NeighbourFile: Sendable {
    package let source: any ByteSource
    /// What errors call it.
    package let name: String
    /// The same for all names of a file.
    package let key: FileKey
    /// Called when the disk is read from it: others are looked at only.
    package let noteUse: @Sendable () -> Void

    package init(
        _ source: any ByteSource, named name: String, key: FileKey,
        noteUse: @escaping @Sendable () -> Void = {}
    ) {
        self.source = source
        self.name = name
        self.key = key
        self.noteUse = noteUse
    }
}

/// Which file it is, whatever it is called.
package struct FileKey: Hashable, Sendable {
    private let parts: [UInt64]

    package init(_ parts: [UInt64]) {
        self.parts = parts
    }
}
