// Compressed files of every format.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CompressedSources

enum UnitTarget {
    private static let mostBytes: UInt64 = 32 << 20

    /// Reads a file forwards and then where it was not read yet, with so small a cache that decoders stop inside of units;
    /// and in another order with a cache that has room for all: what both read has to be the same.
    static func run(_ bytes: [UInt8]) {
        guard let file = opened(bytes, cacheByteLimit: 1 << 20, threadCount: 2) else { return }
        let count = min(file.byteCount, 4096)
        // What is far behind the start of a unit takes as long as decoding all before it, for whom that is intended.
        let places = [0, file.byteCount / 2, file.byteCount - count, file.byteCount / 3].filter {
            $0 < mostBytes
        }
        let found = places.map { try? file.bytes(Int(count), at: $0) }
        guard let again = opened(bytes, cacheByteLimit: 2 * Int(mostBytes), threadCount: 1) else { return }
        precondition(again.byteCount == file.byteCount, "the file has another length with another cache")
        for (place, first) in zip(places, found).reversed() {
            guard let second = try? again.bytes(Int(count), at: place), let first else { continue }
            precondition(first == second, "byte \(place) reads otherwise with another cache")
        }
    }

    private static func opened(_ bytes: [UInt8], cacheByteLimit: Int, threadCount: Int) -> (any ByteSource)? {
        var context = CompressedSource.Context(
            maximumByteCount: mostBytes, budget: OpeningBudget(),
            cache: StretchCache(byteLimit: cacheByteLimit))
        context.threadCount = threadCount
        return (try? CompressedSource.decoding(MemorySource(bytes), named: "file", in: context)) ?? nil
    }
}
