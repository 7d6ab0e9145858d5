// Tests of what is taken for a compressed file.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import CompressedSources

@Suite("Recognising a compressed file") struct RecognitionTests {
    @Test(
        "the first bytes tell",
        arguments: [
            ([0x1f, 0x8b, 8, 0], .gzip), ([0x1f, 0x8b, 9, 0], nil), ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], .xz),
            ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 1], nil), ([0x28, 0xb5, 0x2f, 0xfd], .zstd),
            ([0x50, 0x2a, 0x4d, 0x18], .zstd), ([0x5f, 0x2a, 0x4d, 0x18], .zstd),
            ([0x60, 0x2a, 0x4d, 0x18], nil),
            ([0x42, 0x5a, 0x68, 0x31, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59], .bzip2),
            ([0x42, 0x5a, 0x68, 0x39, 0x17, 0x72, 0x45, 0x38, 0x50, 0x90], .bzip2),
            ([0x42, 0x5a, 0x68, 0x30, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59], nil),
            (Array("BZh9 is text".utf8), nil), ([], nil), ([0x1f], nil),
        ] as [([UInt8], CompressionFormat?)])
    func firstBytes(bytes: [UInt8], format: CompressionFormat?) throws {
        #expect(CompressionFormat(firstBytes: bytes) == format)
        if format == nil {
            let context = CompressedSource.Context(
                budget: OpeningBudget(), cache: StretchCache(byteLimit: 1 << 20))
            let source = try CompressedSource.decoding(MemorySource(bytes), named: "x", in: context)
            #expect(source == nil)
        }
    }

    @Test("one level only: what is inside is left as it is", arguments: CompressedCase.all)
    func oneLevel(_ format: CompressedCase) throws {
        let inner = try CompressionProgram.compress([1, 2, 3], ["xz"])
        let source = try OpeningContext().open(format.compress(inner))
        #expect(try source.bytes(Int(source.byteCount), at: 0) == inner)
    }

    @Test("no first bytes of a format trap", arguments: CompressionFormat.allCases)
    func short(_ format: CompressionFormat) throws {
        let heads: [CompressionFormat: [UInt8]] = [
            .gzip: [0x1f, 0x8b, 8], .xz: XZIndex.magic, .zstd: [0x28, 0xb5, 0x2f, 0xfd],
            .bzip2: [0x42, 0x5a, 0x68, 0x31, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59],
        ]
        var random = SeededRandom(seed: 5)
        for length in 0..<60 {
            let bytes = try #require(heads[format]) + random.bytes(length)
            #expect(throws: ReadError.self) { try OpeningContext().open(bytes) }
        }
    }
}
