// The samples that the project shares with its tests.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import SystemPackage
import TestSupport
import Testing

/// Files of ../shared/corpus, beside the package.
enum SampleFiles {
    struct Disk: Sendable, CustomTestStringConvertible {
        let path: String
        let byteCount: UInt64
        let digest: String
        var testDescription: String { path }
    }

    private static let folder = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent().removingLastComponent().appending("shared/corpus")

    static var arePresent: Bool {
        (try? LocalFile(path: folder.appending("README.md"))) != nil
    }

    static func file(_ path: String) throws(ReadError) -> LocalFile {
        try LocalFile(path: folder.appending(path))
    }

    /// The disks in one file that the README gives a digest of.
    static func readableDisks() throws -> [Disk] {
        guard arePresent else { return [] }
        let readme = try file("README.md")
        let text = String(decoding: try readme.bytes(Int(readme.byteCount), at: 0), as: UTF8.self)
        return text.split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|").map { $0.trimmingSpaces }
            guard cells.count >= 7,
                ["vmdk streamOptimized", "vmdk monolithicSparse", "vhd dynamic"].contains(cells[1])
            else {
                return nil
            }
            // `raw 52428800 B sha256 8565…; 7z agrees`
            let words = cells[cells.count - 1].split(whereSeparator: { $0 == " " || $0 == ";" })
            guard words.count >= 5, words[0] == "raw", let byteCount = UInt64(words[1]) else { return nil }
            return Disk(path: cells[0], byteCount: byteCount, digest: String(words[4]))
        }
    }

    /// A member of an archive in the plain ustar layout.
    static func member(_ name: String, of path: String) throws -> SubrangeSource {
        let archive = try file(path)
        var position: UInt64 = 0
        while position + 512 <= archive.byteCount {
            let header = try archive.bytes(512, at: position)
            let found = String(decoding: header.prefix(100).prefix { $0 != 0 }, as: UTF8.self)
            let digits = String(decoding: header[124..<135], as: UTF8.self)
            let byteCount = try #require(UInt64(digits, radix: 8), "no member \(name) in \(path)")
            if found == name {
                return try SubrangeSource(
                    of: archive, from: position + 512, byteCount: byteCount, named: name)
            }
            position += 512 + (byteCount + 511) / 512 * 512
        }
        throw ReadError.unsupported(feature: "no member \(name) in \(path)")
    }
}

extension Substring {
    fileprivate var trimmingSpaces: String {
        let start = drop { $0 == " " }
        guard let last = start.lastIndex(where: { $0 != " " }) else { return "" }
        return String(start[...last])
    }
}
