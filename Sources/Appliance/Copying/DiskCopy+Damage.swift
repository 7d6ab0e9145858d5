// Copying what can be read of a damaged stretch.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import Glibc

extension DiskCopy {
    /// The smallest piece of uncompressed data that is tried by itself, in bytes: a sector of today's disks.
    private static let smallestPiece: UInt64 = 4096
    /// How far to go on where not even the map of the disk says how long a damaged place is.
    private static let unknownPiece: UInt64 = 64 << 10

    /// Adds bytes `range` of the disk to `buffer`, with zeros for what cannot be read, after a read of all of it has
    /// failed with `error`.
    /// - Throws: `error` where it is no damage, or damage ends the copy.
    func appendReadable(
        _ range: Range<UInt64>, to buffer: CopyBuffer, after error: ReadError
    ) throws(CopyError) {
        guard let damage, error.isDamage else { throw .source(error) }
        var position = range.lowerBound
        while position < range.upperBound {
            let (end, canBeSplit) = try extent(from: position, before: range.upperBound)
            try appendReadable(position..<end, canBeSplit: canBeSplit, to: buffer, noting: damage)
            position = end
        }
    }

    /// Where the extent at `position` ends, and whether a part of it may be readable where the whole is not.
    private func extent(
        from position: UInt64, before limit: UInt64
    ) throws(CopyError) -> (end: UInt64, canBeSplit: Bool) {
        guard let disk = source as? GuestDisk else { return (limit, true) }
        do throws(ReadError) {
            let extent = try disk.extent(containing: position)
            let canBeSplit = if case .stored = extent.storage { true } else { false }
            return (min(limit, extent.guestEnd), canBeSplit)
        } catch {
            guard error.isDamage else { throw .source(error) }
            return (limit - position > Self.unknownPiece ? position + Self.unknownPiece : limit, false)
        }
    }

    private func appendReadable(
        _ range: Range<UInt64>, canBeSplit: Bool, to buffer: CopyBuffer, noting damage: DamageMap
    ) throws(CopyError) {
        do throws(ReadError) {
            try append(range, to: buffer)
        } catch {
            guard error.isDamage else { throw .source(error) }
            let count = range.upperBound - range.lowerBound
            guard canBeSplit, count > Self.smallestPiece else {
                try damage.note(range)
                buffer.appendZeros(Int(count))
                return
            }
            // Halves, at a whole piece: at most a stretch, so the calls nest ten deep.
            let half = (count / 2 + Self.smallestPiece - 1) / Self.smallestPiece * Self.smallestPiece
            let middle = range.lowerBound + half
            try appendReadable(range.lowerBound..<middle, canBeSplit: true, to: buffer, noting: damage)
            try appendReadable(middle..<range.upperBound, canBeSplit: true, to: buffer, noting: damage)
        }
    }
}

extension ReadError {
    /// Whether a place of the disk cannot be read, while others may.
    var isDamage: Bool {
        switch self {
        case .system(_, let errno): errno == EIO
        case .stale, .overBudget: false
        default: true
        }
    }
}
