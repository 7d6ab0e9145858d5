// Making the compressed clusters of qcow images that tests build.
// SPDX-License-Identifier: Apache-2.0

import CDeflate
import CZstd

/// Compresses clusters as qemu does.
package enum ClusterCompressor: Sendable, CaseIterable {
    /// Raw deflate.
    case deflate
    case zstd

    /// `bytes`, compressed; deflate's level 0 stores them, so that the result is longer than they are.
    package func compress(_ bytes: [UInt8], level: Int32 = 6) -> [UInt8] {
        switch self {
        case .deflate: Self.deflate(bytes, level)
        case .zstd: Self.zstd(bytes, level)
        }
    }

    private static func deflate(_ bytes: [UInt8], _ level: Int32) -> [UInt8] {
        guard let compressor = unsafe libdeflate_alloc_compressor(level) else {
            preconditionFailure("libdeflate has no level \(level)")
        }
        defer { unsafe libdeflate_free_compressor(compressor) }
        let bound = unsafe libdeflate_deflate_compress_bound(compressor, bytes.count)
        // SAFETY: libdeflate writes at most the room that it is told of.
        return unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            unsafe count = libdeflate_deflate_compress(
                compressor, bytes, bytes.count, buffer.baseAddress, buffer.count)
            precondition(count > 0, "the bound was too small")
        }
    }

    private static func zstd(_ bytes: [UInt8], _ level: Int32) -> [UInt8] {
        let bound = ZSTD_compressBound(bytes.count)
        // SAFETY: libzstd writes at most the room that it is told of.
        return unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            unsafe count = ZSTD_compress(buffer.baseAddress, buffer.count, bytes, bytes.count, level)
            precondition(ZSTD_isError(count) == 0, "zstd cannot compress")
        }
    }
}
