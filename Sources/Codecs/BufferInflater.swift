// libdeflate on whole buffers: all of the input is there, and the output has a known bound.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import CDeflate
import Glibc

/// A decompressor of libdeflate. One thread uses it at a time.
@safe package struct BufferInflater: ~Copyable {
    private let decompressor: OpaquePointer

    /// What became of one buffer.
    package enum Outcome: Equatable {
        /// The stream is sound, and this many bytes were appended.
        case decoded(byteCount: Int)
        /// The stream holds more than was asked for; nothing was appended.
        case tooLong
        /// The bytes are no stream, or their checksum is wrong; nothing was appended.
        case damaged
    }

    /// - Throws: `ReadError.system` where there is no memory.
    package init() throws(ReadError) {
        guard let decompressor = unsafe libdeflate_alloc_decompressor() else {
            throw .system(call: "libdeflate_alloc_decompressor", errno: ENOMEM)
        }
        unsafe self.decompressor = decompressor
    }

    deinit {
        unsafe libdeflate_free_decompressor(decompressor)
    }

    /// Appends what the zlib stream in `stored` holds: at most `limit` bytes, for which `output` has room. The stream fills
    /// `stored` to its last byte where `isWhole`; else what follows it is ignored.
    ///
    /// Spec: RFC 1950.
    package func inflateZlib(
        _ stored: UnsafeRawBufferPointer, into output: inout OutputRawSpan, atMost limit: Int,
        isWhole: Bool = false
    ) -> Outcome {
        unsafe inflate(stored, into: &output, atMost: limit) { room, produced in
            var consumed = 0
            let result = unsafe libdeflate_zlib_decompress_ex(
                decompressor, stored.baseAddress, stored.count, room.baseAddress, room.count, &consumed,
                &produced)
            return result == LIBDEFLATE_SUCCESS && isWhole && consumed != stored.count
                ? LIBDEFLATE_BAD_DATA : result
        }
    }

    /// Appends what the raw deflate stream at the start of `stored` holds: at most `limit` bytes, for which `output` has
    /// room. What follows the stream is ignored.
    ///
    /// Spec: RFC 1951.
    package func inflateDeflate(
        _ stored: UnsafeRawBufferPointer, into output: inout OutputRawSpan, atMost limit: Int
    ) -> Outcome {
        unsafe inflate(stored, into: &output, atMost: limit) { room, produced in
            var consumed = 0
            return unsafe libdeflate_deflate_decompress_ex(
                decompressor, stored.baseAddress, stored.count, room.baseAddress, room.count, &consumed,
                &produced)
        }
    }

    /// Runs `decompress` on the room that `output` has, with the number of bytes that were produced.
    private func inflate(
        _ stored: UnsafeRawBufferPointer, into output: inout OutputRawSpan, atMost limit: Int,
        _ decompress: (UnsafeMutableRawBufferPointer, inout Int) -> libdeflate_result
    ) -> Outcome {
        precondition(output.freeCapacity >= limit, "no room for \(limit) bytes")
        var outcome = Outcome.damaged
        // SAFETY: libdeflate writes at most the room that it is told of, which was checked.
        unsafe output.withUnsafeMutableBytes { buffer, initializedCount in
            var producedByteCount = 0
            let room = unsafe UnsafeMutableRawBufferPointer(
                rebasing: buffer[initializedCount..<(initializedCount + limit)])
            switch unsafe decompress(room, &producedByteCount) {
            case LIBDEFLATE_SUCCESS:
                initializedCount += producedByteCount
                outcome = .decoded(byteCount: producedByteCount)
            case LIBDEFLATE_INSUFFICIENT_SPACE: outcome = .tooLong
            default: outcome = .damaged
            }
        }
        return outcome
    }
}
