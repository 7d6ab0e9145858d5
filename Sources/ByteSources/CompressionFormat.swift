// The compressed formats that are read, by the first bytes of a file.
// SPDX-License-Identifier: Apache-2.0

/// A compressed format; the one place that knows their marks.
/// Spec: RFC 1952, 2.3.1; The .xz File Format 1.1.0, 2.1.1.1; RFC 8878, 3.1.1 and 3.1.2; bzip2 has none.
package enum CompressionFormat: UInt32, CaseIterable, Sendable {
    case gzip = 1
    case xz
    case zstd
    case bzip2

    /// Enough of a file's start to tell, in bytes.
    package static let headByteCount = 10

    /// The format of a file that starts with `bytes`; nil where it is none of them.
    package init?(firstBytes bytes: some Collection<UInt8>) {
        let head = Array(bytes.prefix(Self.headByteCount))
        if head.starts(with: [0x1f, 0x8b, 8]) {
            self = .gzip
        } else if head.starts(with: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]) {
            self = .xz
        } else if head.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) || Self.isSkippableFrame(head[...]) {
            self = .zstd
        } else if Self.isBzip2(head) {
            self = .bzip2
        } else {
            return nil
        }
    }

    /// What users call it.
    package var name: String { "\(self)" }

    /// Whether a zstd frame that starts with `bytes` holds nothing that is decoded.
    package static func isSkippableFrame(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.first.map { 0x50...0x5f ~= $0 } ?? false && bytes.dropFirst().starts(with: [0x2a, 0x4d, 0x18])
    }

    /// A stream starts with a block or, where it is empty, with its end.
    private static func isBzip2(_ head: [UInt8]) -> Bool {
        head.starts(with: Array("BZh".utf8)) && head.count == headByteCount && 0x31...0x39 ~= head[3]
            && [[0x31, 0x41, 0x59, 0x26, 0x53, 0x59], [0x17, 0x72, 0x45, 0x38, 0x50, 0x90]]
                .contains(Array(head[4...]))
    }
}
