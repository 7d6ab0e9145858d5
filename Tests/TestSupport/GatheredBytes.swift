// What a list of pieces says, as one array.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Glibc

extension GatherList {
    /// A copy of all pieces, one after the other.
    package var bytes: [UInt8] {
        // SAFETY: the pieces are valid until the list is emptied.
        unsafe pieces.flatMap { piece in
            unsafe [UInt8](UnsafeRawBufferPointer(start: piece.iov_base, count: piece.iov_len))
        }
    }
}

extension ByteSource {
    /// Bytes `offset ..< offset + count`, by way of a list.
    package func gatheredBytes(_ count: Int, at offset: UInt64) throws(ReadError) -> [UInt8] {
        let list = GatherList()
        list.reserve(max(0, count))
        try gather(count, at: offset, into: list)
        return list.bytes
    }
}
