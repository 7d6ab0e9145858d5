// Where the grains or the tables of a stream were found, in the order of their numbers.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Places in the file by ascending numbers, and by ascending sectors as well: 8 bytes each, in pieces of 32 KiB, so that
/// growing copies nothing.
struct MarkedPlaces: Sendable {
    struct Place: Equatable, Sendable {
        /// Of the grain on the guest disk, or of the table.
        let number: UInt32
        /// Where the marker is, or where the table starts, in sectors.
        let sector: UInt32
    }

    private static let pieceCount = 4_096
    /// What a piece takes, in bytes.
    static let pieceByteCount = UInt64(pieceCount * MemoryLayout<Place>.stride)

    /// None of them is empty.
    private var pieces: [[Place]] = []
    private(set) var count = 0

    var last: Place? { pieces.last?.last }

    subscript(position: Int) -> Place { pieces[position / Self.pieceCount][position % Self.pieceCount] }

    /// Whether the next place takes a further piece.
    var isFull: Bool { count % Self.pieceCount == 0 }

    /// Adds a place with a higher number and a higher sector than all others.
    mutating func append(_ place: Place) {
        if isFull {
            var piece: [Place] = []
            piece.reserveCapacity(Self.pieceCount)
            pieces.append(piece)
        }
        pieces[count / Self.pieceCount].append(place)
        count += 1
    }

    /// The position of `number`; nil where it is not there.
    func position(of number: UInt32) -> Int? {
        let position = position(ofFirstAfter: { $0.number < number })
        return position < count && self[position].number == number ? position : nil
    }

    /// The place with the lowest number above `number`; nil where there is none.
    func first(after number: UInt32) -> Place? {
        let position = position(ofFirstAfter: { $0.number <= number })
        return position < count ? self[position] : nil
    }

    /// The position of the place at `sector`; nil where nothing was found there.
    func position(ofSector sector: UInt32) -> Int? {
        let position = position(ofFirstAfter: { $0.sector < sector })
        return position < count && self[position].sector == sector ? position : nil
    }

    private func position(ofFirstAfter isBefore: (Place) -> Bool) -> Int {
        let piece = pieces.partitionPoint { $0.last.map(isBefore) ?? false }
        guard piece < pieces.count else { return count }
        return piece * Self.pieceCount + pieces[piece].partitionPoint(isBefore)
    }
}
