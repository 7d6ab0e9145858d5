// Making zlib data for images that tests build.
// SPDX-License-Identifier: Apache-2.0

import CDeflate

/// Compresses as the writers of disk images do.
package enum ZlibCompressor {
    /// `bytes` as a zlib stream; level 0 stores them, so that the stream is longer than they are.
    package static func compress(_ bytes: [UInt8], level: Int32 = 6) -> [UInt8] {
        guard let compressor = unsafe libdeflate_alloc_compressor(level) else {
            preconditionFailure("libdeflate has no level \(level)")
        }
        defer { unsafe libdeflate_free_compressor(compressor) }
        let bound = unsafe libdeflate_zlib_compress_bound(compressor, bytes.count)
        // SAFETY: libdeflate writes at most the room that it is told of.
        return unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            unsafe count = libdeflate_zlib_compress(
                compressor, bytes, bytes.count, buffer.baseAddress, buffer.count)
            precondition(count > 0, "the bound was too small")
        }
    }
}
