// One file of a guest disk: a disk of several files, or with a parent, has several.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// An image, the file that its extents point into, and the layers that it builds on.
package struct DiskLayer: Sendable {
    package let image: any DiskImage
    private(set) var file: any ByteSource
    /// What its clusters and tables are cached under.
    let number: DiskNumber
    /// What errors call it.
    package let name: String
    /// The layer whose bytes show where this one has none, by its index; nil where zeros do.
    var parent: Int?
    /// Where the layers of `image.extentFiles` start, one behind the other.
    var firstExtentFile = 0
    /// Keep what the layer takes of the memory for opening.
    private var shares: [BudgetShare]

    /// What a disk takes for a layer that it shares with others, in bytes.
    static let sharedByteCount: UInt64 = 256

    package init(
        _ image: any DiskImage, in file: any ByteSource, number: DiskNumber, named name: String = "",
        share: BudgetShare? = nil
    ) {
        self.image = image
        self.file = file
        self.number = number
        self.name = name
        shares = share.map { [$0] } ?? []
    }

    /// The same layer, whose file brings only what it is told to.
    var withoutReadAhead: DiskLayer {
        var copy = self
        copy.file = file.withoutReadAhead
        return copy
    }

    /// Keeps `share` as long as this copy of the layer, too.
    mutating func keep(_ share: BudgetShare) {
        shares.append(share)
    }
}
