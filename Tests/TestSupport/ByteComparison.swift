// Comparing bytes quickly in debug builds, where the standard library's comparison is not.
// SPDX-License-Identifier: Apache-2.0

import Glibc

extension [UInt8] {
    /// Whether `bytes` are what this array holds from `offset` on; false where it ends before they do.
    package func holds(_ bytes: [UInt8], at offset: Int) -> Bool {
        guard offset >= 0, offset <= count, bytes.count <= count - offset else { return false }
        // SAFETY: memcmp looks at `bytes.count` bytes, which both have.
        return unsafe bytes.withUnsafeBytes { other in
            unsafe withUnsafeBytes { own in
                guard let first = other.baseAddress, let second = own.baseAddress else {
                    return bytes.isEmpty
                }
                return unsafe memcmp(first, second.advanced(by: offset), other.count) == 0
            }
        }
    }
}
