// Bytes that go to another process by a descriptor.
// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Files in memory, without a name.
enum MemoryFile {
    /// A new one that holds `bytes`; the caller's to close.
    /// - Throws: `SystemError`
    static func holding(_ bytes: [UInt8]) throws(SystemError) -> CInt {
        let file = unsafe ovafs_memory_file("ovafs")
        guard file >= 0 else { throw SystemError(errno: errno) }
        var written = 0
        while written < bytes.count {
            // SAFETY: what is left of the array is read for the time of the call.
            let step = unsafe bytes.withUnsafeBytes {
                unsafe pwrite(file, $0.baseAddress?.advanced(by: written), $0.count - written, off_t(written))
            }
            if step > 0 {
                written += step
            } else if step == 0 || errno != EINTR {
                let reason = errno
                close(file)
                throw SystemError(errno: reason)
            }
        }
        return file
    }

    /// All that is in a file which someone else has filled.
    /// - Throws: `SystemError`, with EFBIG where it is longer than `limit`.
    static func contents(of file: CInt, atMost limit: Int) throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            // SAFETY: no more is read than the array holds.
            let step = unsafe piece.withUnsafeMutableBytes {
                unsafe pread(file, $0.baseAddress, $0.count, off_t(bytes.count))
            }
            if step < 0, errno == EINTR { continue }
            guard step >= 0 else { throw SystemError(errno: errno) }
            guard step > 0 else { return bytes }
            guard bytes.count + step <= limit else { throw SystemError(errno: EFBIG) }
            bytes += piece[..<step]
        }
    }
}
