// xz, zstd and bzip2 files.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CompressedSources

enum UnitTarget {
    /// Reads a file forwards and then where it was not read yet, with so small a cache that decoders stop inside of units.
    static func run(_ bytes: [UInt8]) {
        var context = CompressedSource.Context(
            maximumByteCount: 64 << 20, budget: OpeningBudget(), cache: StretchCache(byteLimit: 1 << 20))
        context.threadCount = 2
        guard
            let file = (try? CompressedSource.decoding(MemorySource(bytes), named: "file", in: context))
                ?? nil
        else { return }
        let count = min(file.byteCount, 4096)
        for offset in [0, file.byteCount / 2, file.byteCount - count, file.byteCount / 3] {
            // What is far behind the start of a unit takes as long as decoding all before it, for whom that is intended.
            guard offset < 64 << 20 else { continue }
            _ = try? file.bytes(Int(min(count, file.byteCount - offset)), at: offset)
        }
    }
}
