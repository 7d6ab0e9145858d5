// What lies between two restart points of a gzip file.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs

/// Decodes from one restart point to the next.
final class GzipStretch: UnitStream {
    private let base: any ByteSource
    private let name: String
    private let point: GzipRestartPoint
    private let storedEnd: UInt64
    /// Decoded bytes that are left.
    private var rest: UInt64
    /// Nil before the first byte is wanted.
    private var cursor: GzipCursor?

    /// The library may want some bytes more than those that the last decoded byte is made of.
    private static let spareByteCount: UInt64 = 64

    init(_ unit: CompressedUnit, from point: GzipRestartPoint, of base: any ByteSource, named name: String) {
        self.base = base
        self.name = name
        self.point = point
        // At most the length of a file: no overflow.
        storedEnd = unit.stored.upperBound + Self.spareByteCount
        rest = unit.decodedByteCount
    }

    var consumedByteCount: UInt64 { cursor.map { $0.inputOffset - point.inputOffset } ?? 0 }

    func fill(_ output: UnsafeMutableRawBufferPointer, from place: UnitPlace) throws(ReadError) -> Int {
        let wanted = Int(min(UInt64(output.count), rest))
        guard wanted > 0 else { return 0 }
        let cursor = try started()
        var filled = 0
        while filled < wanted {
            // A step may yield nothing: a block or a member can be empty.
            try PatientRead.checkCancellation()
            // SAFETY: both are at most the length of the output.
            let room = unsafe UnsafeMutableRawBufferPointer(rebasing: output[filled..<wanted])
            let (produced, event) = try unsafe cursor.step(into: room)
            filled += produced
            guard event == .memberEnd else { continue }
            _ = try cursor.readTrailer()
            // The next member is looked for only where there is one.
            guard UInt64(filled) < rest else { break }
            try cursor.skipZeros()
            guard try cursor.startMember() else {
                throw cursor.corrupt("the content changed after it was opened")
            }
        }
        guard filled == wanted else { throw place.damaged("it ends before the next one begins") }
        rest -= UInt64(filled)
        return filled
    }

    private func started() throws(ReadError) -> GzipCursor {
        if let cursor { return cursor }
        let cursor = try GzipCursor(over: base, named: name, upTo: storedEnd)
        try cursor.move(to: point)
        self.cursor = cursor
        return cursor
    }
}

/// The CRC-32 that was computed when all of the file was decoded.
final class GzipStretchDigest: UnitDigest {
    private let expected: UInt32
    private var checksum = UInt(0)

    init(expecting expected: UInt32) {
        self.expected = expected
    }

    func update(_ bytes: UnsafeRawBufferPointer) {
        checksum = unsafe Inflater.checksum(checksum, of: bytes)
    }

    func isRight() -> Bool { UInt32(truncatingIfNeeded: checksum) == expected }
}
