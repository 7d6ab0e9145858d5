// libzstd on whole buffers: all of the input is there, and the output has a known bound.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import CZstd
import Glibc

/// A decompressor of libzstd. One thread uses it at a time. Since a frame is decoded straight into the output, no
/// window is allocated, however large a window the frame asks for.
@safe package struct ZstdBufferDecoder: ~Copyable {
    private let context: OpaquePointer

    /// - Throws: `ReadError.system` where there is no memory.
    package init() throws(ReadError) {
        guard let context = unsafe ZSTD_createDCtx() else {
            throw .system(call: "ZSTD_createDCtx", errno: ENOMEM)
        }
        unsafe self.context = context
    }

    deinit {
        unsafe ZSTD_freeDCtx(context)
    }

    /// Appends what the frames at the start of `stored` hold: at most `limit` bytes, for which `output` has room. As soon as
    /// there are as many, and where there is no further frame, what follows is ignored.
    ///
    /// Spec: RFC 8878.
    package func decode(
        _ stored: UnsafeRawBufferPointer, into output: inout OutputRawSpan, atMost limit: Int
    ) -> BufferInflater.Outcome {
        precondition(output.freeCapacity >= limit, "no room for \(limit) bytes")
        var outcome = BufferInflater.Outcome.damaged
        // SAFETY: libzstd writes at most the room that it is told of, which was checked.
        unsafe output.withUnsafeMutableBytes { buffer, initializedCount in
            let room = unsafe UnsafeMutableRawBufferPointer(
                rebasing: buffer[initializedCount..<(initializedCount + limit)])
            outcome = unsafe decodeFrames(stored, into: room)
            if case .decoded(let byteCount) = outcome { initializedCount += byteCount }
        }
        return outcome
    }

    private func decodeFrames(
        _ stored: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
    ) -> BufferInflater.Outcome {
        var consumed = 0
        var produced = 0
        repeat {
            // SAFETY: what is left of a buffer of the caller's, by its length.
            let rest = unsafe UnsafeRawBufferPointer(rebasing: stored[consumed...])
            let frameByteCount = unsafe ZSTD_findFrameCompressedSize(rest.baseAddress, rest.count)
            guard ZSTD_isError(frameByteCount) == 0 else {
                return produced > 0 ? .decoded(byteCount: produced) : .damaged
            }
            // SAFETY: a frame's size is within what it was looked for in.
            let free = unsafe UnsafeMutableRawBufferPointer(rebasing: room[produced...])
            let decoded = unsafe ZSTD_decompressDCtx(
                context, free.baseAddress, free.count, rest.baseAddress, frameByteCount)
            guard ZSTD_isError(decoded) == 0 else {
                return ZSTD_getErrorCode(decoded) == ZSTD_error_dstSize_tooSmall ? .tooLong : .damaged
            }
            consumed += frameByteCount
            produced += decoded
        } while produced < room.count && consumed < stored.count
        return .decoded(byteCount: produced)
    }
}
