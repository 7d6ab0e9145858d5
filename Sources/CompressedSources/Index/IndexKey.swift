// Which version of which file an index belongs to.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs

/// A file by its place and its content, which name the index, and by its version, which is compared.
struct IndexKey: Equatable, Sendable {
    let fileName: String
    /// All that has to be the same: format, size, times, place and digest.
    let words: [UInt64]

    init(_ mark: VersionMark, _ format: CompressionFormat, digest: UInt64) {
        words = [UInt64(format.rawValue)] + mark.place + mark.version + [digest]
        // Files of one number on two file systems have names of their own.
        var content = IndexBytes()
        for word in [UInt64(format.rawValue), digest] + mark.place.dropFirst() { content.append(word) }
        let hash = CRC64.checksum(of: content.bytes)
        let number = String(mark.place.first ?? 0, radix: 16)
        fileName = "\(number)-\(String(hash, radix: 16))\(IndexFolder.suffix)"
    }
}
