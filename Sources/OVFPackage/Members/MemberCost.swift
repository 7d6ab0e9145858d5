// What a member of a package takes of the memory for opening.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The cost of a name. Names are kept where members are listed, where hrefs are looked up, and folder by folder where
/// they are shown; many members may share one long name, through a global header.
enum MemberCost {
    /// For a member called `path`, in bytes: measured, and rounded up. Folders that are too deep to be shown count as
    /// well: they are gone through.
    static func byteCount(ofPath path: [UInt8]) -> UInt64 {
        var slashes = 0
        for byte in path where byte == UInt8(ascii: "/") { slashes += 1 }
        // A chunk is also known by its number among those of its file, which may have no other.
        let isChunk = path.suffix(9).allSatisfy { (0x30...0x39).contains($0) }
        return 512 + 4 * UInt64(path.count) + 128 * UInt64(slashes) + (isChunk ? 384 + UInt64(path.count) : 0)
    }
}

extension OpeningBudget {
    /// Takes what a member called `path` costs.
    func takeMember(_ path: [UInt8]) throws(ReadError) {
        try take(
            MemberCost.byteCount(ofPath: path),
            for: "the member \"\(String(displaying: path))\" of the package")
    }
}
