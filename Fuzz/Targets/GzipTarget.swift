// Gzip files.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CompressedSources

enum GzipTarget {
    /// Reads a gzip file forwards and then where it was not read yet.
    static func run(_ bytes: [UInt8]) {
        guard
            let file = try? GzipSource(
                decoding: MemorySource(bytes), maximumByteCount: 64 << 20, named: "file.gz",
                budget: OpeningBudget())
        else { return }
        let count = min(file.byteCount, 4096)
        for offset in [0, file.byteCount / 2, file.byteCount - count, file.byteCount / 3] {
            _ = try? file.bytes(Int(min(count, file.byteCount - offset)), at: offset)
        }
    }
}
