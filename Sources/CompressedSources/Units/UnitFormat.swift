// What a compressed format is to those who decode its units.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs

/// A compressed format whose units can be decoded each by itself.
protocol UnitFormat: Sendable {
    /// What errors call a unit, such as "xz block".
    var unitName: String { get }
    /// The number of units of `stored` in a byte: 8 where these are bits.
    var unitsPerByte: UInt64 { get }

    /// What the unit's own header says of it.
    /// - Throws: `ReadError.corrupt` where the header is damaged, `ReadError.unsupported` for what is not decoded.
    func decoding(
        of unit: CompressedUnit, in base: any ByteSource, named name: String
    ) throws(ReadError) -> UnitDecoding
}

/// All that it takes to decode one unit.
struct UnitDecoding {
    let stream: any UnitStream
    /// The memory of the decoder, in bytes.
    let byteCount: UInt64
    /// Whether only the unit's end tells whether what was decoded is right: nothing of it is shown before.
    let hasChecksum: Bool
    /// Looks at all that was decoded; nil where the decoder does that.
    var digest: (any UnitDigest)?
}

/// The decoded bytes of a unit, from its start on.
protocol UnitStream: AnyObject {
    /// Stored bytes that were used.
    var consumedByteCount: UInt64 { get }

    /// Decodes into `output` until it is full or the unit, which is at `place`, ends.
    /// - Returns: The number of bytes decoded.
    func fill(_ output: UnsafeMutableRawBufferPointer, from place: UnitPlace) throws(ReadError) -> Int
}

/// What errors call a unit.
struct UnitPlace {
    let record: String
    /// Where it is stored, in bytes.
    let offset: UInt64

    func damaged(_ reason: String) -> ReadError {
        .corrupt(record: record, offset: offset, reason: reason)
    }
}

/// A checksum that the decoder does not know of.
protocol UnitDigest: AnyObject {
    func update(_ bytes: UnsafeRawBufferPointer)
    /// Whether the checksum of all is what it has to be.
    func isRight() -> Bool
}

/// The stored bytes of a unit, in pieces.
protocol UnitInput: AnyObject {
    /// The next piece; empty at the end.
    func next() throws(ReadError) -> [UInt8]
}

/// Stored bytes as they are.
final class RangeInput: UnitInput {
    private let base: any ByteSource
    private var rest: Range<UInt64>

    /// What is read at once, in bytes.
    static let pieceByteCount: UInt64 = 128 << 10

    init(_ range: Range<UInt64>, of base: any ByteSource) {
        self.base = base
        rest = range
    }

    func next() throws(ReadError) -> [UInt8] {
        guard !rest.isEmpty else { return [] }
        let end = rest.lowerBound + min(Self.pieceByteCount, rest.upperBound - rest.lowerBound)
        let piece = try base.bytes(Int(end - rest.lowerBound), at: rest.lowerBound)
        rest = end..<rest.upperBound
        return piece
    }
}
