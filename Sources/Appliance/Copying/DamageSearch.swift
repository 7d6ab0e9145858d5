// Finding out which parts of a stretch can be read that cannot be read whole.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages

/// Goes through a stretch extent by extent, and tries halves of what is not compressed.
struct DamageSearch {
    /// The smallest piece of uncompressed data that is tried by itself, in bytes: a sector of today's disks.
    private static let smallestPiece: UInt64 = 4096
    /// How far to go on where not even the map of the disk says how long a damaged place is.
    private static let unknownPiece: UInt64 = 64 << 10

    /// Where it is on a guest disk; nil where it is on none.
    let place: DiskPlace?
    /// Reads a part, and keeps it where it can be read.
    let read: (Range<UInt64>) throws(ReadError) -> Void
    /// Takes note of a part that cannot be read. Parts are told in the disk's order, as those that are read are.
    let note: (Range<UInt64>, ReadError) throws(CopyError) -> Void

    /// - Throws: `CopyError.source` where something else than damage keeps it from going on, and what `note` throws.
    func run(in range: Range<UInt64>) throws(CopyError) {
        var position = range.lowerBound
        while position < range.upperBound {
            let (end, canBeSplit) = try extent(from: position, before: range.upperBound)
            try readParts(of: position..<end, canBeSplit: canBeSplit)
            position = end
        }
    }

    /// Where the extent at `position` ends, and whether a part of it may be readable where the whole is not.
    private func extent(
        from position: UInt64, before limit: UInt64
    ) throws(CopyError) -> (end: UInt64, canBeSplit: Bool) {
        guard let place else { return (limit, true) }
        do throws(ReadError) {
            let extent = try place.disk.extent(containing: place.start + position)
            let canBeSplit = if case .stored = extent.storage { true } else { false }
            return (min(limit, extent.guestEnd - place.start), canBeSplit)
        } catch {
            guard error.isDamage else { throw .source(error) }
            return (limit - position > Self.unknownPiece ? position + Self.unknownPiece : limit, false)
        }
    }

    private func readParts(of range: Range<UInt64>, canBeSplit: Bool) throws(CopyError) {
        do throws(ReadError) {
            try read(range)
        } catch {
            guard error.isDamage else { throw .source(error) }
            let count = range.upperBound - range.lowerBound
            guard canBeSplit, count > Self.smallestPiece else { return try note(range, error) }
            // Halves, at a whole piece: at most a stretch, so the calls nest ten deep.
            let half = (count / 2 + Self.smallestPiece - 1) / Self.smallestPiece * Self.smallestPiece
            let middle = range.lowerBound + half
            try readParts(of: range.lowerBound..<middle, canBeSplit: true)
            try readParts(of: middle..<range.upperBound, canBeSplit: true)
        }
    }
}
