// libzstd on one frame, a piece at a time.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import CZstd
import Glibc

/// A frame being decoded, whose window is at most `largestWindowByteCount`.
/// Spec: RFC 8878, 3.1.1 "Zstandard Frames".
@safe package final class ZstdStreamDecoder: StreamDecoder {
    /// The base-2 logarithm of the largest window that is decoded: 128 MiB.
    private static let largestWindowLog: CInt = 27
    package static let largestWindowByteCount: UInt64 = 1 << 27

    /// Nil before the first step.
    private var context: OpaquePointer?

    package init() {}

    deinit {
        unsafe ZSTD_freeDCtx(context)
    }

    package func step(
        _ input: [UInt8], from position: Int, into output: UnsafeMutableRawBufferPointer
    ) throws(ReadError) -> DecodingStep {
        if unsafe context == nil {
            guard let made = unsafe ZSTD_createDCtx() else {
                throw .system(call: "ZSTD_createDCtx", errno: ENOMEM)
            }
            unsafe context = made
            unsafe ZSTD_DCtx_setParameter(made, ZSTD_d_windowLogMax, Self.largestWindowLog)
        }
        // SAFETY: both buffers outlive the call, and libzstd is told their lengths.
        let (result, consumed, produced) = unsafe input.withUnsafeBytes { buffer in
            var source = unsafe ZSTD_inBuffer(src: buffer.baseAddress, size: buffer.count, pos: position)
            var target = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
            let result = unsafe ZSTD_decompressStream(context, &target, &source)
            return unsafe (result, source.pos - position, target.pos)
        }
        guard ZSTD_isError(result) != 0 else {
            return DecodingStep(
                consumed: consumed, produced: produced, state: result == 0 ? .ended : .running)
        }
        guard ZSTD_getErrorCode(result) != ZSTD_error_memory_allocation else {
            throw .system(call: "ZSTD_decompressStream", errno: ENOMEM)
        }
        let reason = unsafe String(cString: ZSTD_getErrorName(result))
        return DecodingStep(consumed: consumed, produced: produced, state: .damaged("libzstd: \(reason)"))
    }
}
