// Whether content without a format's mark is a raw disk.
// SPDX-License-Identifier: Apache-2.0

/// What else is known of a file that could only be a raw disk, since its bytes are no known format's. A container
/// whose header is damaged, a web page in place of a download and an empty file have no mark either: they are disks
/// only where nothing says otherwise.
struct RawClaim {
    /// The file's name, as errors call it.
    let name: String
    /// Whether it was compressed, so that the name's last extension speaks of that.
    let wasCompressed: Bool
    /// The descriptor's `ovf:format`.
    let format: String?
    /// The descriptor's capacity, in bytes.
    let capacity: UInt64?
    /// Whether its last sector, by which a fixed VHD would be known, cannot be read.
    var endIsUnreadable = false

    /// Extensions of raw disks.
    private static let rawExtensions: Set<String> = ["raw", "img", "dd", "iso"]

    /// Extensions of files that are not raw disks, and what they are called.
    private static let otherFormats: [String: String] = [
        "vmdk": "VMDK", "vhd": "VHD", "vpc": "VHD", "avhd": "VHD", "vhdx": "VHDX", "avhdx": "VHDX",
        "vdi": "VDI",
        "qcow": "qcow", "qcow2": "qcow2", "qed": "QED", "hdd": "Parallels", "hds": "Parallels", "ova": "OVA",
        "ovf": "OVF", "gz": "gzip", "gzip": "gzip", "tgz": "gzip", "xz": "xz", "zst": "zstd", "zstd": "zstd",
        "bz2": "bzip2", "bzip2": "bzip2", "txz": "xz", "tzst": "zstd", "tbz2": "bzip2", "zip": "zip",
        "7z": "7-Zip", "html": "HTML", "htm": "HTML", "xml": "XML",
    ]

    /// Those of them that begin with a vowel where they are spoken.
    private static let spokenWithVowel: Set<String> = ["OVA", "OVF", "xz", "HTML", "XML"]

    /// Why a disk of `byteCount` bytes, whole sectors, is not taken for a raw one; nil where it is. A capacity that is
    /// exactly its size outweighs a name or a URL: some writers give those to raw disks, too.
    func refusal(ofByteCount byteCount: UInt64) -> String? {
        if let capacity {
            guard capacity != byteCount else { return nil }
            return because("the descriptor says a capacity of \(capacity) bytes, and it has \(byteCount)")
        }
        if let format, FormatHint(format).deniesRaw {
            return because("the descriptor says the format \(format)")
        }
        if let claimed = formatOfName {
            let article = Self.spokenWithVowel.contains(claimed) ? "an" : "a"
            return because("it is called \(article) \(claimed) file; is it complete?")
        }
        guard endIsUnreadable, !extensionSaysRaw else { return nil }
        return because("its last sector, by which a fixed VHD would be known, cannot be read")
    }

    private func because(_ reason: String) -> String {
        "its bytes are no known format's, and it is not taken for a raw disk: \(reason)"
    }

    /// Whether the name is that of a raw disk.
    private var extensionSaysRaw: Bool {
        let parts = nameParts
        guard parts.count > 1, let last = parts.last else { return false }
        return Self.rawExtensions.contains(String(last))
            || last == "vmdk" && (parts.dropLast().last ?? "").hasSuffix("-flat")
    }

    /// The parts of the name between dots, without that of a compressed file.
    private var nameParts: ArraySlice<Substring> {
        var parts = name.lowercased().split(separator: "/").last?.split(separator: ".")[...] ?? []
        if wasCompressed, parts.count > 1, let last = parts.last,
            RawName.compressionExtensions.contains(String(last))
        {
            parts.removeLast()
        }
        return parts
    }

    /// The format that the name's extension stands for; nil where it is a raw disk's, or none that is known.
    private var formatOfName: String? {
        let parts = nameParts
        guard parts.count > 1, let last = parts.last else { return nil }
        // The extents of VMware's flat disks are raw.
        let stem = parts.dropLast().last ?? ""
        if last == "vmdk", stem.hasSuffix("-flat") { return nil }
        return Self.otherFormats[String(last)]
    }
}
