// What a member of a package takes of the memory for opening.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The cost of a name. Names are kept where members are listed, where hrefs are looked up, and folder by folder where
/// they are shown; many members may share one long name, through a global header.
enum MemberCost {
    /// For a member called `path`, in bytes: measured, and rounded up.
    static func byteCount(ofPath path: [UInt8]) -> UInt64 {
        let slashes = path.reduce(into: 0) { $0 += $1 == UInt8(ascii: "/") ? 1 : 0 }
        let depth = min(slashes + 1, MemberPath.maximumDepth)
        return 512 + 4 * UInt64(path.count) + 128 * UInt64(depth)
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
