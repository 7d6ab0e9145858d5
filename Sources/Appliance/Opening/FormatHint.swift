// What a descriptor's format URL claims of a disk.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages

/// The `ovf:format` of a disk. It is a hint only: content is recognised by its bytes.
struct FormatHint {
    private let url: [UInt8]

    /// Longest URL that says anything, in bytes.
    private static let maximumByteCount = 4_096

    init(_ url: String) {
        self.url = Array(url.utf8.prefix(Self.maximumByteCount))
    }

    /// Whether the hint names another format than the one that was found. A URL that names none contradicts
    /// nothing.
    func contradicts(_ format: DiskFormat) -> Bool {
        let words: [ASCIIWord] = ["vmdk", "vhd", "vdi", "qcow", "iso", "raw"]
        let claims = words.filter { $0.isPart(of: url) }
        guard claims.isEmpty || claims.contains(where: { format.family.hasPrefix($0.text) }) else {
            return true
        }
        return switch format {
        case .vmdkStreamOptimized: ("#sparse" as ASCIIWord).isPart(of: url)
        case .vmdkMonolithicSparse: ("streamoptimized" as ASCIIWord).isPart(of: url)
        default: false
        }
    }

    /// The format that it names; nil where it names none, or only a family.
    var format: DiskFormat? {
        let names: [(word: ASCIIWord, format: DiskFormat)] = [
            ("streamoptimized", .vmdkStreamOptimized), ("vmdk.html#sparse", .vmdkMonolithicSparse),
            ("qcow2", .qcow2),
        ]
        return names.first { $0.word.isPart(of: url) }?.format
    }

    /// Whether the hint names a format that a disk without any mark of its own cannot be in.
    var deniesRaw: Bool {
        let words: [ASCIIWord] = ["vmdk", "vhd", "vdi", "qcow"]
        return words.contains { $0.isPart(of: url) } && !("raw" as ASCIIWord).isPart(of: url)
    }
}
