// How long a qcow image's file has to be, by the tables that are at hand when it is opened.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension QCOWImage {
    /// The image, with a warning where its file ends before what its first-level table names, or what the last of the
    /// second-level tables does: images are written from front to back, mostly. That table is looked at as long as `budget`
    /// allows it.
    func warnedOfMissingEnd(_ budget: OpeningBudget) -> QCOWImage {
        // What cannot be read is met again by whoever reads it, and is an error then.
        guard let end = try? namedEnd(budget) else { return self }
        var image = self
        image.warnings += MissingEnd.warnings(of: file.byteCount, namedTo: end, by: "tables")
        return image
    }

    /// The first byte of the file that none of these tables names, as far as one is known to be needed.
    private func namedEnd(_ budget: OpeningBudget) throws(ReadError) -> UInt64 {
        guard firstLevel.isCompared else { return 0 }
        var end = firstLevel.neededEnd
        var last: (number: UInt64, start: UInt64)?
        try firstLevel.forEachEntry { number, entry throws(ReadError) in
            guard number < firstLevel.entryCount, case .table(let start) = QCOWTableEntry(entry, geometry)
            else {
                return
            }
            last = (number, start)
            // Places have 56 bits, of version 1 up to 64.
            let (tableEnd, overflow) = start.addingReportingOverflow(neededByteCount(ofTable: number))
            if !overflow { end = max(end, tableEnd) }
        }
        guard let last, last.start < file.byteCount,
            budget.mayLook(
                through: min(neededByteCount(ofTable: last.number), file.byteCount - last.start))
        else { return end }
        return max(end, try namedEnd(ofTable: last.number, at: last.start))
    }

    /// Bytes of a second-level table that the disk has entries in.
    private func neededByteCount(ofTable number: UInt64) -> UInt64 {
        let guestByteCount = virtualByteCount - min(virtualByteCount, number << geometry.tableGuestBits)
        let clusterCount = (guestByteCount + geometry.clusterByteCount - 1) >> geometry.clusterBits
        return min(geometry.tableByteCount, clusterCount << geometry.entryBits)
    }

    /// The same of the clusters that one second-level table names: at most 2 MiB are read.
    private func namedEnd(ofTable number: UInt64, at start: UInt64) throws(ReadError) -> UInt64 {
        var end: UInt64 = 0
        var position = number << geometry.tableGuestBits
        let guestEnd = min(virtualByteCount, (number + 1) << geometry.tableGuestBits)
        while position < guestEnd {
            let slice = QCOWTableSlice(of: start, in: file, containing: position)
            position = slice.guestEnd
            guard slice.presentByteCount >= geometry.entryByteCount else { break }
            let sliceEnd = try file.tables.withTable(
                QCOWFile.tableIndex(ofSliceAt: slice.offset), byteCount: Int(slice.presentByteCount),
                at: slice.offset
            ) { bytes in namedEnd(in: slice, bytes) }
            end = max(end, sliceEnd)
        }
        return end
    }

    private func namedEnd(in slice: QCOWTableSlice, _ bytes: RawSpan) -> UInt64 {
        var end: UInt64 = 0
        for index in 0..<(bytes.byteCount >> Int(geometry.entryBits)) {
            let guest = slice.guestRange(index..<(index + 1))
            guard guest.lowerBound < virtualByteCount else { break }
            let (start, byteCount): (UInt64, UInt64) =
                switch entry(index, bytes) {
                case .absent, .zeros, .invalid: (0, 0)
                case .stored(let start): (start, min(guest.upperBound, virtualByteCount) - guest.lowerBound)
                // How long compressed data is, only its decoder knows.
                case .compressed(let start, _): (start, 1)
                case .subclusters(let start, let stored, _): (start, stored == 0 ? 0 : 1)
                }
            let (placeEnd, overflow) = start.addingReportingOverflow(byteCount)
            if byteCount > 0, !overflow { end = max(end, placeEnd) }
        }
        return end
    }
}
