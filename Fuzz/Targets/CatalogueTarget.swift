// Lists of images as folders.
// SPDX-License-Identifier: Apache-2.0

import Catalogue
import FileTree
import RemoteSources

/// Takes the bytes as the lists that an image service gives one after the other, with NULs between them. The folders that
/// follow from each have to have names that folders can have, and no name or number twice.
enum CatalogueTarget {
    static func run(_ bytes: [UInt8]) {
        var listing = CatalogueListing()
        for body in bytes.split(separator: 0, maxSplits: 8, omittingEmptySubsequences: false) {
            let client = ServiceTarget.client(answering: [Array(body)])
            guard let images = try? client.images(until: Deadline(at: 60)),
                let next = try? listing.next(images)
            else { continue }
            check(next, after: listing)
            listing = next
        }
    }

    private static func check(_ listing: CatalogueListing, after before: CatalogueListing) {
        var names: Set<[UInt8]> = []
        var numbers: Set<UInt64> = []
        for folder in listing.folders.folders {
            let name = folder.name
            precondition(1...255 ~= name.count && !name.contains(0) && !name.contains(UInt8(ascii: "/")))
            precondition(![".", "..", ".ova"].map { Array($0.utf8) }.contains(name), "a name that is taken")
            precondition(names.insert(name).inserted, "two folders have one name")
            precondition(numbers.insert(folder.number).inserted, "two folders have one number")
            precondition(listing.folders.folder(named: name)?.number == folder.number)
            precondition(listing.image(of: folder) != nil, "a folder without an image")
            if let old = before.folders.folder(folder.number) {
                precondition(
                    before.image(of: old)?.id == listing.image(of: folder)?.id, "a number was given twice")
            }
            for attribute in folder.extendedAttributes() { _ = attribute.value() }
        }
    }
}
