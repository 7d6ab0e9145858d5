// Memory for many bytes, which the system may refuse.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Buffers whose length matters: where there is no room for one, that is an error, and does not end the process.
package enum LargeMemory {
    /// Memory for `byteCount` bytes, of which nothing is known; for `purpose`, which the error names.
    /// - Throws: `ReadError.system` with ENOMEM where the system gives none.
    package static func take(
        _ byteCount: Int, alignment: Int = 4096, for purpose: String
    ) throws(ReadError) -> UnsafeMutableRawBufferPointer {
        var start: UnsafeMutableRawPointer?
        let result = unsafe posix_memalign(&start, alignment, max(1, byteCount))
        guard result == 0, let start = unsafe start else {
            throw .system(call: "memory of \(byteCount) bytes for \(purpose)", errno: ENOMEM)
        }
        return unsafe UnsafeMutableRawBufferPointer(start: start, count: byteCount)
    }

    /// Gives back what `take` gave.
    package static func giveBack(_ memory: UnsafeMutableRawBufferPointer) {
        unsafe free(memory.baseAddress)
    }
}
