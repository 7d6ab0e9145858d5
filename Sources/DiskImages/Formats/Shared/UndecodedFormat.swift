// The formats that are known by their bytes and are not decoded here.
// SPDX-License-Identifier: Apache-2.0

/// What a file is, by its content, where that is no disk that is read: it is refused by its name instead of being taken
/// for a raw disk.
enum UndecodedFormat: String, Sendable, CaseIterable {
    case gzip = "gzip"
    case xz = "xz"
    case zstd = "zstd"
    case bzip2 = "bzip2"
    case zip = "zip"

    /// What users call it.
    var name: String { rawValue }

    /// The bytes at the start that tell it; `text` is enough of a file's start.
    init?(startingWith text: some Collection<UInt8>) {
        let bytes = text.prefix(80)
        if bytes.starts(with: [0x1f, 0x8b, 0x08]) {
            self = .gzip
        } else if bytes.starts(with: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]) {
            self = .xz
        } else if bytes.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) || Self.isSkippableFrame(bytes) {
            self = .zstd
        } else if bytes.starts(with: Array("BZh".utf8)),
            bytes.dropFirst(4).starts(with: [0x31, 0x41, 0x59, 0x26, 0x53, 0x59])
        {
            self = .bzip2
        } else if bytes.starts(with: [0x50, 0x4b, 0x03, 0x04]) {
            self = .zip
        } else {
            return nil
        }
    }

    /// The start of a zstd frame that holds nothing, behind which others come.
    private static func isSkippableFrame(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.first.map { 0x50...0x5f ~= $0 } ?? false && bytes.dropFirst().starts(with: [0x2a, 0x4d, 0x18])
    }
}
