// Which version of which file an index belongs to.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A file by its place, which names the index, and by its version, which is compared.
struct IndexKey: Equatable, Sendable {
    let fileName: String
    /// All that has to be the same: format, size, times, place and digest.
    let words: [UInt64]

    init(_ mark: VersionMark, _ format: CompressedSource.Format, digest: UInt64) {
        let place = mark.place.map { String($0, radix: 16) }.joined(separator: "-")
        fileName = "\(place).ovafs-index"
        words = [UInt64(format.rawValue)] + mark.place + mark.version + [digest]
    }
}
