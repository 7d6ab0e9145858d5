// liblzma on one block of an xz file.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import CLZMA
import Glibc

/// A block being decoded: its header was read, and what follows the header goes in. The library's state keeps its
/// address in memory of its own.
/// Spec: The .xz File Format 1.1.0, 3 "Block".
@safe package final class XZBlockDecoder: StreamDecoder {
    private let block: UnsafeMutablePointer<ovafs_xz_block>
    private var isStarted = false

    /// Why there is no decoder.
    package enum Refusal: Error, Equatable {
        /// The header is no header of a block, or contradicts the index.
        case damaged
        /// The header names a filter that the library does not have, or options that it does not know.
        case unsupported
        case noMemory
    }

    /// The largest header, in bytes; the first byte of a header says how long it is.
    package static let largestHeaderByteCount = 1_024

    /// How long a header is whose first byte is `first`, in bytes; 0 is the mark of an index, and no header's.
    package static func headerByteCount(first: UInt8) -> Int { (Int(first) + 1) * 4 }

    /// Whether the library has the check with this number, without which damage would not be found.
    package static func supports(check: UInt8) -> Bool {
        lzma_check_is_supported(lzma_check(UInt32(check))) != 0
    }

    /// Reads `header`, all of it; `unpaddedByteCount` and `decodedByteCount` are the index's.
    package init(
        header: [UInt8], check: UInt8, unpaddedByteCount: UInt64, decodedByteCount: UInt64
    ) throws(Refusal) {
        precondition(
            header.first.map { Self.headerByteCount(first: $0) } == header.count, "a header of another length"
        )
        let block = UnsafeMutablePointer<ovafs_xz_block>.allocate(capacity: 1)
        // SAFETY: the library reads the header by the length in its first byte, which was checked.
        let result = unsafe ovafs_xz_read_header(
            block, header, UInt32(check), unpaddedByteCount, decodedByteCount)
        unsafe self.block = block
        switch result {
        case LZMA_OK: return
        case LZMA_OPTIONS_ERROR: throw .unsupported
        case LZMA_MEM_ERROR: throw .noMemory
        default: throw .damaged
        }
    }

    deinit {
        unsafe ovafs_xz_end(block)
        unsafe block.deallocate()
    }

    /// The dictionary that decoding needs, in bytes: the block's own word.
    package var dictionaryByteCount: UInt64 { unsafe ovafs_xz_dictionary_byte_count(block) }

    /// All memory that decoding needs, in bytes.
    package var decoderByteCount: UInt64 { unsafe ovafs_xz_decoder_byte_count(block) }

    package func step(
        _ input: [UInt8], from position: Int, into output: UnsafeMutableRawBufferPointer
    ) throws(ReadError) -> DecodingStep {
        if !isStarted {
            guard unsafe ovafs_xz_start(block) == LZMA_OK else {
                throw .system(call: "lzma_block_decoder", errno: ENOMEM)
            }
            isStarted = true
        }
        // SAFETY: both buffers outlive the call, and liblzma is told their lengths; it keeps no pointer that it uses
        // after the next call has set new ones.
        let (code, consumed, produced) = unsafe input.withUnsafeBufferPointer { buffer in
            let available = buffer.count - position
            unsafe block.pointee.stream.next_in = buffer.baseAddress?.advanced(by: position)
            unsafe block.pointee.stream.avail_in = available
            unsafe block.pointee.stream.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
            unsafe block.pointee.stream.avail_out = output.count
            let code = unsafe lzma_code(&block.pointee.stream, LZMA_RUN)
            return unsafe (
                code, available - block.pointee.stream.avail_in, output.count - block.pointee.stream.avail_out
            )
        }
        let state: DecodingStep.State =
            switch code {
            // No progress is possible: more input, or room, is needed.
            case LZMA_OK, LZMA_BUF_ERROR: .running
            case LZMA_STREAM_END: .ended
            case LZMA_MEM_ERROR: throw .system(call: "lzma_code", errno: ENOMEM)
            case LZMA_DATA_ERROR: .damaged("its data, a length or its checksum is wrong")
            default: .damaged("liblzma reports \(code.rawValue)")
            }
        return DecodingStep(consumed: consumed, produced: produced, state: state)
    }
}
