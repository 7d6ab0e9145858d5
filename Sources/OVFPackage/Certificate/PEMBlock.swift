// The blocks of a PEM file.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import SwiftASN1

/// One block of a PEM file.
/// Spec: RFC 7468.
struct PEMBlock: Equatable {
    /// Of printable ASCII, as the RFC has it: a line with any other is no mark.
    let label: ASCIIWord
    /// The block with its marks, lines trimmed.
    let text: [UInt8]

    private static let begin = Array("-----BEGIN ".utf8)
    private static let end = Array("-----END ".utf8)
    private static let dashes = Array("-----".utf8)

    /// The first `maximumCount` blocks of a file, whether there are more, and what stands before the first block.
    static func split(
        _ bytes: [UInt8], atMost maximumCount: Int = .max
    ) -> (blocks: [PEMBlock], hasMore: Bool, head: [UInt8]) {
        var blocks: [PEMBlock] = []
        var hasMore = false
        var head: [UInt8] = []
        var label: ASCIIWord?
        var text: [UInt8] = []
        for raw in ByteLines(bytes[...]) {
            let line = raw.trimmed
            if let opened = Self.label(of: line, mark: begin) {
                label = opened
                text = line + [0x0a]
            } else if let current = label {
                text += line
                text.append(0x0a)
                guard let closed = Self.label(of: line, mark: end) else { continue }
                label = nil
                guard closed == current else { continue }
                guard blocks.count < maximumCount else {
                    hasMore = true
                    break
                }
                blocks.append(PEMBlock(label: current, text: text))
            } else if blocks.isEmpty {
                head += line
                head.append(0x0a)
            }
        }
        return (blocks, hasMore, head)
    }

    /// Whether the block is said to hold one certificate.
    var isCertificate: Bool {
        label == "CERTIFICATE" || label == "X509 CERTIFICATE" || label == "TRUSTED CERTIFICATE"
    }

    /// The bytes that the block holds.
    func contents() throws -> [UInt8] {
        try PEMDocument(pemString: String(decoding: text, as: UTF8.self)).derBytes
    }

    private static func label(of line: ArraySlice<UInt8>, mark: [UInt8]) -> ASCIIWord? {
        guard line.starts(with: mark), line.suffix(dashes.count).elementsEqual(dashes),
            line.count > mark.count + dashes.count
        else { return nil }
        return ASCIIWord(exactly: line.dropFirst(mark.count).dropLast(dashes.count))
    }
}
