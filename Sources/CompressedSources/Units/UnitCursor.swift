// A place in a unit from which decoding goes on.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Decodes one unit forwards.
// SAFETY: one thread at a time uses a cursor: who made it, or took it out of the cursors that wait.
final class UnitCursor: @unchecked Sendable {
    private let decoding: UnitDecoding
    private let place: UnitPlace
    private(set) var decodedByteCount: UInt64 = 0

    init(_ decoding: UnitDecoding, record: String, at offset: UInt64) {
        self.decoding = decoding
        place = UnitPlace(record: record, offset: offset)
    }

    /// Stored bytes that were used.
    var consumedByteCount: UInt64 { decoding.stream.consumedByteCount }
    /// Whether only the unit's end tells whether what was decoded is right.
    var hasChecksum: Bool { decoding.hasChecksum }

    /// Decodes into `output` until it is full or the unit ends.
    /// - Returns: The number of bytes decoded.
    func fill(_ output: UnsafeMutableRawBufferPointer) throws(ReadError) -> Int {
        let filled = try unsafe decoding.stream.fill(output, from: place)
        decodedByteCount += UInt64(filled)
        if let digest = decoding.digest {
            unsafe digest.update(UnsafeRawBufferPointer(rebasing: output[..<filled]))
        }
        return filled
    }

    /// Makes sure that the unit ends here.
    func finish() throws(ReadError) {
        let spare = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 64)
        defer { unsafe spare.deallocate() }
        guard try unsafe fill(spare) == 0 else {
            throw damaged("it decodes to more than the \(decodedByteCount) bytes that are said of it")
        }
        guard decoding.digest?.isRight() ?? true else {
            throw damaged("the checksum of the decoded bytes is wrong")
        }
    }

    func damaged(_ reason: String) -> ReadError { place.damaged(reason) }
}
