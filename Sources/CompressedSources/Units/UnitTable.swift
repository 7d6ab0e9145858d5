// Where the parts of a compressed file are that can be decoded each by itself.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A part of a compressed file that is decoded from its start without what is before it: a block of xz, a frame of
/// zstd, a block of bzip2.
struct CompressedUnit: Equatable, Sendable {
    /// Where it is stored: in bytes, or in bits for bzip2, whose blocks begin within a byte.
    let stored: Range<UInt64>
    /// How long it is when decoded, in bytes.
    let decodedByteCount: UInt64
    /// What the format needs to know of it besides: the kind of xz's checksum, the block size of bzip2, whether a seek
    /// table of zstd has a checksum of it.
    var kind: UInt8 = 0
    /// That checksum.
    var checksum: UInt32 = 0

    /// In place of a length that is not known yet.
    static let unknownByteCount = UInt64.max

    /// The unit, of which it is to be found out how long it is.
    var withoutLength: CompressedUnit {
        CompressedUnit(
            stored: stored, decodedByteCount: Self.unknownByteCount, kind: kind, checksum: checksum)
    }
}

/// All units of a file that hold something, in order.
struct UnitTable: Sendable {
    /// What an entry takes, in bytes, while the table grows.
    static let entryByteCount: UInt64 = 80

    private(set) var units: [CompressedUnit] = []
    /// Where each unit starts in the decoded bytes; ascending, since no unit is empty.
    private(set) var starts: [UInt64] = []
    /// Length of all that is decoded, in bytes.
    private(set) var byteCount: UInt64 = 0

    /// Adds a unit; one that holds nothing is left out.
    /// - Throws: `ReadError.corrupt` naming `record` where the lengths add up to more than a file can have.
    mutating func add(_ unit: CompressedUnit, in record: String) throws(ReadError) {
        guard unit.decodedByteCount > 0 else { return }
        let end = try byteCount.adding(unit.decodedByteCount, in: record, at: unit.stored.lowerBound)
        guard end <= UInt64(Int64.max) else { throw .overflow(record, at: unit.stored.lowerBound) }
        units.append(unit)
        starts.append(byteCount)
        byteCount = end
    }

    /// The number of the unit that has the byte at `offset`, which is inside.
    func index(containing offset: UInt64) -> Int {
        var low = 0
        var high = units.count
        while low + 1 < high {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle } else { high = middle }
        }
        return low
    }
}

extension ReadError {
    fileprivate static func overflow(_ record: String, at offset: UInt64) -> ReadError {
        .corrupt(record: record, offset: offset, reason: "what it decodes to is longer than a file can be")
    }
}
