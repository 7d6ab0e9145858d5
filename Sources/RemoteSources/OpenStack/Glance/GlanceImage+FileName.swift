// What an image's data is called as a file.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension GlanceImage {
    /// The image's name, or its id where it has none that a file can have, with the extension that says how the service
    /// describes its data. What the data is, its bytes say; where they say nothing, the extension does.
    package var fileName: [UInt8] {
        let usable = FileName.usable(name.map { Array($0.utf8) } ?? [], orElse: Array(id.utf8))
        // Room for extensions within what file systems take.
        var name = FileName.shortened(usable, to: Self.longestNameByteCount)
        for known in extensions where !Self.has(name, anyOf: known) {
            name.append(UInt8(ascii: "."))
            name += known[0].utf8
        }
        return name
    }

    private static let longestNameByteCount = 200

    /// The extensions that the name has to have, innermost first; each with others that mean the same.
    private var extensions: [[String]] {
        switch containerFormat {
        case "ova": return [["ova"]]
        case "ovf": return [["ovf", "ova"]]
        // One stream around a disk; by its bytes it is known which.
        case "compressed":
            let packed = ["gz", "gzip", "xz", "zst", "zstd", "bz2", "bzip2"]
            let isNamedSo = name.map { Self.has(Array($0.utf8), anyOf: packed) } ?? false
            return isNamedSo ? [] : diskExtensions + [packed]
        default: return diskExtensions
        }
    }

    private var diskExtensions: [[String]] {
        switch diskFormat {
        case "raw", "ami", "ari", "aki": [["raw", "img", "dd"]]
        case "iso": [["iso", "raw", "img", "dd"]]
        case "vhd": [["vhd", "vpc"]]
        case "qcow2": [["qcow2", "qcow"]]
        case "ploop": [["hds", "hdd"]]
        case "vhdx", "vmdk", "vdi": [[diskFormat ?? ""]]
        default: []
        }
    }

    /// Whether the last extension of `name` is one of these.
    private static func has(_ name: [UInt8], anyOf extensions: [String]) -> Bool {
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > 0 else { return false }
        let last = String(decoding: name[(dot + 1)...].map(\.lowercasedASCII), as: UTF8.self)
        return extensions.contains(last)
    }
}
