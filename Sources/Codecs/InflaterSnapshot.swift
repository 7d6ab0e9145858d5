// The whole state of an inflater at one moment, to which it can go back.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import CZlib
import Glibc

/// A copy of zlib's state: window, code tables and half-read codes. Unlike a window alone, which is enough between two
/// blocks, it can be taken anywhere. It never changes; any thread may go back to it.
// SAFETY: the stream is written in `init` and only read afterwards.
@safe package final class InflaterSnapshot: @unchecked Sendable {
    /// About what a snapshot takes, in bytes: the window of 32 KiB, code tables, and what stands around them.
    package static let byteCount = 44 << 10

    let stream: UnsafeMutablePointer<z_stream>

    /// - Throws: `ReadError.system` where there is no memory.
    package init(of inflater: borrowing Inflater) throws(ReadError) {
        // Not a property before all is well, as in `Inflater`.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // SAFETY: both streams stay where they are until their owners end.
        guard unsafe inflateCopy(stream, inflater.stream) == Z_OK else {
            unsafe stream.deallocate()
            throw .system(call: "inflateCopy", errno: ENOMEM)
        }
        unsafe self.stream = stream
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }
}
