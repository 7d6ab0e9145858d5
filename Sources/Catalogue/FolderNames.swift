// What the folders of images are called.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import RemoteSources

/// Gives each image a name that a folder can have and that no other image of the list gets: its own, or one that ends with
/// its id. A name of the first kind never ends with an id, so the two kinds never meet; and no two ids are the same.
package struct FolderNames {
    /// What a folder's name may have, in bytes.
    private static let longestByteCount = 255
    /// What is left of a name in front of an id, in bytes.
    private static let longestFrontByteCount = 200
    private static let idByteCount = 36
    /// What else stands in the root.
    private static let reserved = [".", "..", ".ova"].map { Array($0.utf8) }

    private let counts: [[UInt8]: Int]

    /// `names` are the names of all images that are listed, as the service has them.
    package init(of names: some Sequence<String?>) {
        var counts: [[UInt8]: Int] = [:]
        for case let name? in names { counts[Array(name.utf8), default: 0] += 1 }
        self.counts = counts
    }

    /// The name of the folder of an image.
    package func name(of name: String?, id: String) -> [UInt8] {
        let own = Array((name ?? "").utf8)
        if counts[own] == 1, Self.isFolderName(own) { return own }
        let front = Self.front(of: name ?? "")
        return front.isEmpty || front == Array(id.utf8) ? Array(id.utf8) : front + Array("~\(id)".utf8)
    }

    /// Whether a folder may be called so.
    private static func isFolderName(_ name: [UInt8]) -> Bool {
        !name.isEmpty && name.count <= longestByteCount && !reserved.contains(name) && !endsWithID(name)
            && String(decoding: name, as: UTF8.self).unicodeScalars.allSatisfy(isPartOfName)
    }

    /// Whether a name ends as one does that was made here.
    private static func endsWithID(_ name: [UInt8]) -> Bool {
        GlanceImage.isID(String(decoding: name.suffix(idByteCount), as: UTF8.self))
    }

    /// Slashes end names; what no one sees, or what turns the direction of writing, makes one name look like another.
    private static func isPartOfName(_ scalar: Unicode.Scalar) -> Bool { scalar != "/" && !scalar.isHidden }

    /// What of a name can stand in front of an id: its start, with `_` for what no name can have; nothing of `.` and `..`.
    private static func front(of name: String) -> [UInt8] {
        var front: [UInt8] = []
        for scalar in name.unicodeScalars {
            let bytes = isPartOfName(scalar) ? Array(String(scalar).utf8) : [UInt8(ascii: "_")]
            guard front.count + bytes.count <= longestFrontByteCount else { break }
            front += bytes
        }
        return reserved.prefix(2).contains(front) ? [] : front
    }
}
