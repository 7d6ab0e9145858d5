// libbz2 on one bzip2 stream, a piece at a time.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import CBzip2
import Glibc

/// A bzip2 stream being decoded. The library's state keeps its address in memory of its own.
@safe package final class Bzip2Decoder: StreamDecoder {
    /// What decoding a block of the largest size takes, in bytes.
    package static let byteCount: UInt64 = 4 << 20

    private let stream: UnsafeMutablePointer<bz_stream>

    private var isStarted = false

    package init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: bz_stream())
    }

    deinit {
        // It does nothing where the stream was never begun.
        unsafe BZ2_bzDecompressEnd(stream)
        unsafe stream.deallocate()
    }

    package func step(
        _ input: [UInt8], from position: Int, into output: UnsafeMutableRawBufferPointer
    ) throws(ReadError) -> DecodingStep {
        if !isStarted {
            // SAFETY: the stream stays where it is until `deinit`.
            guard unsafe BZ2_bzDecompressInit(stream, 0, 0) == BZ_OK else {
                throw .system(call: "BZ2_bzDecompressInit", errno: ENOMEM)
            }
            isStarted = true
        }
        // SAFETY: both buffers outlive the call, and libbz2 is told their lengths; it writes nothing to the input.
        let (code, consumed, produced) = unsafe input.withUnsafeBytes { buffer in
            let available = buffer.count - position
            let room = min(output.count, Int(CUnsignedInt.max))
            unsafe stream.pointee.next_in = UnsafeMutableRawPointer(mutating: buffer.baseAddress)?
                .advanced(by: position).assumingMemoryBound(to: CChar.self)
            unsafe stream.pointee.avail_in = CUnsignedInt(available)
            unsafe stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: CChar.self)
            unsafe stream.pointee.avail_out = CUnsignedInt(room)
            let code = unsafe BZ2_bzDecompress(stream)
            return unsafe (
                code, available - Int(stream.pointee.avail_in), room - Int(stream.pointee.avail_out)
            )
        }
        let state: DecodingStep.State =
            switch code {
            case BZ_OK: .running
            case BZ_STREAM_END: .ended
            case BZ_MEM_ERROR: throw .system(call: "BZ2_bzDecompress", errno: ENOMEM)
            default: .damaged("its data or its checksum is wrong")
            }
        return DecodingStep(consumed: consumed, produced: produced, state: state)
    }
}
