// What the raw file of a disk is called.
// SPDX-License-Identifier: Apache-2.0

/// Names for raw files: the stored name without the extensions that say how it is stored.
enum RawName {
    /// What stands behind the last dot of the name of a compressed file.
    static let compressionExtensions: Set<String> = ["gz", "gzip", "xz", "bz2", "bzip2", "zst", "zstd"]

    /// `disk1.vmdk` and `disk1.vmdk.gz` are `disk1.raw`; `release-1.2` stays whole, since what stands behind its
    /// dot is no extension.
    static func plain(for name: [UInt8]) -> [UInt8] {
        var base = name[...]
        if let found = fileExtension(of: base), compressionExtensions.contains(found.lowercased()) {
            base = base.dropLast(found.utf8.count + 1)
        }
        if let found = fileExtension(of: base) { base = base.dropLast(found.utf8.count + 1) }
        return Array(base) + Array(".raw".utf8)
    }

    /// Whether that is what raw disks are called: `disk.raw`, as Google's images are, `x.img`, `x.dd`.
    static func isOfRawDisk(_ name: [UInt8]) -> Bool {
        fileExtension(of: name[...]).map { ["raw", "img", "dd"].contains($0.lowercased()) } ?? false
    }

    /// The name where the plain one is taken: with its extensions.
    static func full(for name: [UInt8]) -> [UInt8] {
        name + Array(".raw".utf8)
    }

    /// `name` without `.raw` behind it, where it has that.
    static func stem(_ name: [UInt8]) -> [UInt8] {
        name.suffix(4).elementsEqual(".raw".utf8) ? name.dropLast(4) : name
    }

    /// What stands behind the last dot, where it is one to eight letters and digits and starts with a letter.
    private static func fileExtension(of name: ArraySlice<UInt8>) -> String? {
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex else { return nil }
        let text = String(decoding: name[(dot + 1)...], as: UTF8.self)
        guard 1...8 ~= text.utf8.count, let first = text.first, first.isASCII, first.isLetter,
            text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) })
        else { return nil }
        return text
    }
}
