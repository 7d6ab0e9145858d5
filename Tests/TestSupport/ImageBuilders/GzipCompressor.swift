// Making gzip files for packages that tests build.
// SPDX-License-Identifier: Apache-2.0

import CDeflate

/// Compresses as gzip(1) does.
package enum GzipCompressor {
    /// `bytes` as a gzip file of one member.
    package static func compress(_ bytes: [UInt8], level: Int32 = 6) -> [UInt8] {
        guard let compressor = unsafe libdeflate_alloc_compressor(level) else {
            preconditionFailure("libdeflate has no level \(level)")
        }
        defer { unsafe libdeflate_free_compressor(compressor) }
        let bound = unsafe libdeflate_gzip_compress_bound(compressor, bytes.count)
        // SAFETY: libdeflate writes at most the room that it is told of.
        return unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            unsafe count = libdeflate_gzip_compress(
                compressor, bytes, bytes.count, buffer.baseAddress, buffer.count)
            precondition(count > 0, "the bound was too small")
        }
    }
}
