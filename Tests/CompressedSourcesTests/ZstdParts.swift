// zstd files changed and put together by hand.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

@testable import CompressedSources

enum ZstdParts {
    /// The frame of `bytes` with a header that does not say how long its content is.
    static func withoutContentSize(_ frame: [UInt8]) throws -> [UInt8] {
        let header = try header(of: frame)
        var exponent: UInt8 = 0
        while 1 << (10 + UInt64(exponent)) < header.windowByteCount { exponent += 1 }
        return frame.prefix(4) + [header.hasChecksum ? 4 : 0, exponent << 3]
            + frame.dropFirst(header.byteCount)
    }

    static func header(of frame: [UInt8]) throws -> ZstdFrameHeader {
        struct NoFrame: Error {}
        guard let header = try ZstdFrameHeader(frame[...], record: "test", at: 0) else { throw NoFrame() }
        return header
    }

    /// Where the content of the last block of a frame without a checksum starts.
    static func lastBlock(of frame: [UInt8]) throws -> (start: Int, isCompressed: Bool) {
        var position = try header(of: frame).byteCount
        while true {
            let header = (0..<3).reduce(0) { $0 | Int(frame[position + $1]) << (8 * $1) }
            let type = header >> 1 & 3
            if header & 1 == 1 { return (position + 3, type == 2) }
            position += 3 + (type == 1 ? 1 : header >> 3)
        }
    }

    /// A frame that says that it has a checksum and `byteCount` bytes, with as many runs of 128 KiB as `runCount`.
    static func runs(_ runCount: Int, saying byteCount: UInt64) -> [UInt8] {
        // Eight bytes of length, a checksum; a window of 128 KiB.
        var bytes: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0xc4, 7 << 3]
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: byteCount >> UInt64(8 * shift))) }
        for run in 1...runCount {
            let word = 131_072 << 3 | 1 << 1 | (run == runCount ? 1 : 0)
            bytes += [UInt8(word & 0xff), UInt8(word >> 8 & 0xff), UInt8(word >> 16), 0]
        }
        return bytes + [0, 0, 0, 0]
    }

    static func skippable(_ content: [UInt8], number: UInt8 = 0) -> [UInt8] {
        [0x50 + number, 0x2a, 0x4d, 0x18] + number32(content.count) + content
    }

    /// Frames of `parts`, without lengths in their headers, and a seek table behind them.
    static func seekable(
        _ parts: [[UInt8]], hasChecksums: Bool = true, change: (inout [UInt8]) -> Void = { _ in }
    ) throws -> [UInt8] {
        var frames: [UInt8] = []
        var table: [UInt8] = []
        for part in parts {
            let frame = try withoutContentSize(
                CompressionProgram.compress(part, ["zstd", "-q", "--no-check"]))
            frames += frame
            table += number32(frame.count) + number32(part.count)
            guard hasChecksums else { continue }
            var hash = XXH64()
            unsafe part.withUnsafeBytes { unsafe hash.update($0) }
            table += number32(Int(hash.value & 0xffff_ffff))
        }
        table += number32(parts.count) + [hasChecksums ? 0x80 : 0] + [0xb1, 0xea, 0x92, 0x8f]
        change(&table)
        return frames + skippable(table, number: 14)
    }

    static func number32(_ number: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }
}
