// Tests of zstd on whole buffers.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs
import TestSupport
import Testing

@Suite("zstd on whole buffers")
struct ZstdBufferDecoderTests {
    /// What decoding `stored` into a buffer of `limit` bytes gives.
    private func decode(_ stored: [UInt8], atMost limit: Int) throws -> (BufferInflater.Outcome, [UInt8]) {
        let decoder = try ZstdBufferDecoder()
        var outcome = BufferInflater.Outcome.damaged
        // SAFETY: the span covers the array's own storage and ends before the closure does.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit + 1) { buffer, count in
            let room = UnsafeMutableRawBufferPointer(buffer)
            var output = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
            unsafe stored.withUnsafeBytes { bytes in
                outcome = unsafe decoder.decode(bytes, into: &output, atMost: limit)
            }
            count = unsafe output.finalize(for: room)
        }
        return (outcome, bytes)
    }

    private static let content = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 / 7) }

    @Test("a frame is decoded, and what follows it is ignored", arguments: [0, 1, 3, 500])
    func trailing(byteCount: Int) throws {
        let frame = ClusterCompressor.zstd.compress(Self.content)
        let (outcome, bytes) = try decode(
            frame + [UInt8](repeating: 0xff, count: byteCount), atMost: Self.content.count)
        #expect(outcome == .decoded(byteCount: Self.content.count))
        #expect(bytes == Self.content)
    }

    @Test("frames are joined until there is enough")
    func frames() throws {
        let frames = [Self.content, [1, 2, 3], [4, 5]].flatMap { ClusterCompressor.zstd.compress($0) }
        let (outcome, bytes) = try decode(frames, atMost: Self.content.count + 3)
        #expect(outcome == .decoded(byteCount: Self.content.count + 3))
        #expect(bytes == Self.content + [1, 2, 3])
        #expect(
            try decode(frames, atMost: Self.content.count + 10).0
                == .decoded(byteCount: Self.content.count + 5))
    }

    @Test("a frame of more than there is room for is too long, and nothing is appended")
    func tooLong() throws {
        let frame = ClusterCompressor.zstd.compress(Self.content)
        let (outcome, bytes) = try decode(frame, atMost: Self.content.count - 1)
        #expect(outcome == .tooLong)
        #expect(bytes == [])
    }

    @Test("a frame that is cut is damaged, wherever", arguments: [0, 1, 4, 5, 9, 30])
    func cut(byteCount: Int) throws {
        let frame = ClusterCompressor.zstd.compress(Self.content)
        #expect(try decode(Array(frame.prefix(byteCount)), atMost: 20_000).0 == .damaged)
        #expect(try decode(frame.dropLast(), atMost: 20_000).0 == .damaged)
    }

    @Test("changed bytes never trap", arguments: [1, 2, 3] as [UInt64])
    func mutations(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let frame = ClusterCompressor.zstd.compress(Self.content)
        for _ in 0..<500 {
            var changed = frame
            for _ in 0..<3 {
                changed[Int.random(in: 0..<frame.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            let (outcome, bytes) = try decode(changed, atMost: 20_000)
            if case .decoded(let byteCount) = outcome {
                #expect(byteCount == bytes.count)
            } else {
                #expect(bytes == [])
            }
        }
    }
}
