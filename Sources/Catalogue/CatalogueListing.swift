// The images of a catalogue and their folders: a list, and how the next one follows from it.
// SPDX-License-Identifier: Apache-2.0

package import FileTree
package import RemoteSources

/// What is listed at one moment: a value that is replaced as a whole.
package struct CatalogueListing: Sendable {
    package let folders: FolderList
    /// The images, by the numbers of their folders.
    private let images: [UInt64: CatalogueImage]
    private let numbers: [String: UInt64]
    /// What the next image that is new gets.
    private let nextNumber: UInt64

    /// An empty list, before the first.
    package init() {
        self.init([], [:], nextNumber: Folder.firstNumber)
    }

    private init(_ images: [(UInt64, CatalogueImage)], _ numbers: [String: UInt64], nextNumber: UInt64) {
        let names = FolderNames(of: images.lazy.map(\.1.name))
        folders = FolderList(
            images.map { number, image in
                let id = Array(image.id.utf8)
                let name = names.name(of: image.name, id: image.id)
                return Folder(
                    number: number, name: name, hiddenName: name == id ? nil : id, byteCount: image.byteCount,
                    modificationTime: image.modificationTime
                ) { image.extendedAttributes }
            })
        self.images = Dictionary(images, uniquingKeysWith: { first, _ in first })
        self.numbers = numbers
        self.nextNumber = nextNumber
    }

    package func image(of folder: Folder) -> CatalogueImage? { images[folder.number] }

    /// The list of what the service has now. An image keeps its folder as long as it is listed and its data is the same;
    /// one that has no data yet has none. A number is never given again.
    /// - Throws: `FolderFailure` where there are no more numbers.
    package func next(_ listed: [GlanceImage]) throws(FolderFailure) -> CatalogueListing {
        var numbers: [String: UInt64] = [:]
        var kept: [(UInt64, CatalogueImage)] = []
        var nextNumber = nextNumber
        // Services list the newest first.
        for image in listed.reversed() {
            guard let image = CatalogueImage(image), numbers[image.id] == nil else { continue }
            let known = self.numbers[image.id].flatMap { number in
                images[number].map { (number, $0) }
            }
            let number: UInt64
            if let (old, before) = known, !before.isReplaced(by: image.version) {
                number = old
            } else {
                guard nextNumber < Folder.numberLimit else {
                    throw FolderFailure(.unreadable, "there are no more inode numbers; mount anew")
                }
                number = nextNumber
                nextNumber += 1
            }
            numbers[image.id] = number
            kept.append((number, image))
        }
        return CatalogueListing(kept, numbers, nextNumber: nextNumber)
    }
}
