// What a descriptor's format URL claims of a disk.
// SPDX-License-Identifier: Apache-2.0

import DiskImages

/// The `ovf:format` of a disk. It is a hint only: content is recognised by its bytes.
struct FormatHint {
    private let url: String

    init(_ url: String) {
        self.url = url.lowercased()
    }

    /// Whether the hint names another format than the one that was found. A URL that names none contradicts
    /// nothing.
    func contradicts(_ format: DiskFormat) -> Bool {
        let claims = ["vmdk", "vhd", "vdi", "qcow", "iso", "raw"].filter { url.contains($0) }
        guard claims.isEmpty || claims.contains(where: { format.family.hasPrefix($0) }) else { return true }
        return switch format {
        case .vmdkStreamOptimized: url.contains("#sparse")
        case .vmdkMonolithicSparse: url.contains("streamoptimized")
        default: false
        }
    }

    /// Whether the hint names a format that a disk without any mark of its own cannot be in.
    var deniesRaw: Bool {
        ["vmdk", "vhd", "vdi", "qcow"].contains { url.contains($0) } && !url.contains("raw")
    }
}
