// The rule that the maps of all formats share: they are asked for bytes of the disk alone.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

enum GuestOffset {
    /// Makes sure that byte `offset` is one of a guest disk of `byteCount` bytes.
    /// - Throws: `ReadError.corrupt` with the name of the image where it is not.
    @inline(__always)
    static func check(
        _ offset: UInt64, below byteCount: UInt64, of imageName: @autoclosure () -> String
    ) throws(ReadError) {
        guard offset < byteCount else {
            throw .corrupt(
                record: imageName(), offset: offset, reason: "the guest disk ends at its byte \(byteCount)")
        }
    }
}
