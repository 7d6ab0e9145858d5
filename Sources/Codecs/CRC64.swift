// A checksum of 64 bits.
// SPDX-License-Identifier: Apache-2.0

import CLZMA

/// The CRC-64 of ECMA-182, as liblzma computes it.
package enum CRC64 {
    /// The checksum of more bytes behind those of `checksum`, which is 0 for none.
    package static func checksum(_ checksum: UInt64 = 0, of bytes: [UInt8]) -> UInt64 {
        // SAFETY: the array is read within its length.
        unsafe lzma_crc64(bytes, bytes.count, checksum)
    }
}
