// What the entries of a grain table mean.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension VMDKSparseExtent {
    /// The most entries that a look-up joins into one extent, or looks at for the next stored grain.
    private static let maximumRun = 1_024
    /// Up to here an entry is no place: 0 is a grain that was never written, 1 one of zeros.
    private static let lastZeroEntry: UInt32 = 1

    /// The extent that starts with entry `index` of `table`. Called for each read: it allocates only where it
    /// has to report damage.
    ///
    /// Spec: VMware Virtual Disk Format 5.0, "Grain Table".
    func extent(ofEntry index: Int, of table: GrainTable, _ entries: RawSpan) -> Extent {
        let entry = entries.grainTableEntry(index)
        guard entry > Self.lastZeroEntry else {
            let end = endOfZeros(from: index, entries)
            return run(of: table, index..<end, .zeros)
        }
        switch layout.storage {
        case .plain:
            return plainExtent(ofEntry: index, of: table, entries)
        case .compressedWithMarkers:
            return compressedExtent(ofEntry: index, of: table, entries)
        case .compressed:
            // Without a marker nothing in the grain says whose it is.
            guard !isRepeated(index, entries) else {
                return run(
                    of: table, index..<(index + 1),
                    .damaged(
                        damage(of: index, table, entry, "another entry of the table names the same place")))
            }
            return compressedExtent(ofEntry: index, of: table, entries)
        }
    }

    /// Counts the bytes of the guest disk that `entries` do not call zeros.
    func storedByteCount(in table: GrainTable, _ entries: RawSpan) -> UInt64 {
        var sum: UInt64 = 0
        for index in 0..<table.entryCount where entries.grainTableEntry(index) > Self.lastZeroEntry {
            sum += neededByteCount(from: guestOffset(of: index, table))
        }
        return sum
    }

    private func compressedExtent(ofEntry index: Int, of table: GrainTable, _ entries: RawSpan) -> Extent {
        let entry = entries.grainTableEntry(index)
        let stored = UInt64(entry) * 512
        let framingByteCount =
            layout.storage == .compressed ? GrainMarker.sizeByteCount : GrainMarker.byteCount
        guard stored < fileByteCount, fileByteCount - stored > UInt64(framingByteCount) else {
            return run(of: table, index..<(index + 1), .damaged(pastTheEnd(index, table, entry)))
        }
        let guestOffset = guestOffset(of: index, table)
        let lba = guestOffset / 512
        let cluster = CompressedCluster(
            index: guestOffset >> layout.grainShift,
            storedOffset: stored,
            storedByteCountLimit: storedByteCountLimit(of: index, at: stored, table, entries),
            decodedByteCount: Int(layout.grainByteCount),
            neededByteCount: Int(neededByteCount(from: guestOffset)),
            framing: layout.storage == .compressed ? .grainMarkerOrSize(lba: lba) : .grainMarker(lba: lba))
        return run(of: table, index..<(index + 1), .compressed(cluster))
    }

    /// The distance to the next stored grain where that can be this grain's length, else the most that a
    /// grain takes; never past the end of the file.
    private func storedByteCountLimit(
        of index: Int, at stored: UInt64, _ table: GrainTable, _ entries: RawSpan
    ) -> Int {
        var limit = min(layout.maximumStoredByteCount, fileByteCount - stored)
        let next = endOfZeros(from: index + 1, entries)
        if next < table.entryCount {
            let nextStored = UInt64(entries.grainTableEntry(next)) * 512
            if nextStored > stored { limit = min(limit, nextStored - stored) }
        }
        return Int(limit)
    }

    private func plainExtent(ofEntry index: Int, of table: GrainTable, _ entries: RawSpan) -> Extent {
        let entry = entries.grainTableEntry(index)
        if let damage = plainDamage(of: index, table, entry) {
            return run(of: table, index..<(index + 1), .damaged(damage))
        }
        // Grains that follow each other on the disk and in the file, whole inside the file.
        let grainSectors = layout.grainByteCount / 512
        let limit = min(table.entryCount, index + Self.maximumRun)
        var end = index + 1
        var expected = UInt64(entry) + grainSectors
        while end < limit, UInt64(entries.grainTableEntry(end)) == expected,
            isInside(expected * 512, byteCount: neededByteCount(from: guestOffset(of: end, table)))
        {
            end += 1
            expected += grainSectors
        }
        let clean = index + grainsWithoutConflict(in: index..<end, table, entries)
        guard clean > index else {
            return run(
                of: table, index..<(index + 1),
                .damaged(
                    damage(
                        of: index, table, entry, "another entry of the table names sectors of the same grain")
                ))
        }
        return run(of: table, index..<clean, .stored(at: UInt64(entry) * 512))
    }

    /// How many grains of a run, from its start on, share no sector with a grain outside the run.
    private func grainsWithoutConflict(in run: Range<Int>, _ table: GrainTable, _ entries: RawSpan) -> Int {
        let grainSectors = layout.grainByteCount / 512
        let start = UInt64(entries.grainTableEntry(run.lowerBound))
        var clean = UInt64(run.count)
        // A grain that starts here shares the run's first sector; below 0, the numbers wrap around.
        let lowest = start &- (grainSectors - 1)
        for other in 0..<table.entryCount {
            let sector = UInt64(entries.grainTableEntry(other))
            // One comparison for nearly all entries: this is the longest part of a look-up.
            guard sector &- lowest < (clean + 1) * grainSectors - 1 else { continue }
            // An entry that is wrong by itself takes nothing away from others.
            guard !run.contains(other), sector * 512 >= layout.dataStart else { continue }
            clean = sector <= start ? 0 : (sector - start) / grainSectors
        }
        return Int(clean)
    }

    /// Why the entry of a plain grain cannot be right; nil where it can.
    private func plainDamage(of index: Int, _ table: GrainTable, _ entry: UInt32) -> ReadError? {
        let stored = UInt64(entry) * 512
        let needed = neededByteCount(from: guestOffset(of: index, table))
        if !isInside(stored, byteCount: needed) { return pastTheEnd(index, table, entry) }
        if stored < layout.dataStart {
            return damage(
                of: index, table, entry, "it lies before the first grain, at byte \(layout.dataStart)")
        }
        let end = stored + needed
        if stored < directory.offset + directory.byteCount, directory.offset < end {
            return damage(of: index, table, entry, "it lies on the grain directory")
        }
        if stored < table.offset + UInt64(table.byteCount), table.offset < end {
            return damage(of: index, table, entry, "it lies on the grain table itself")
        }
        return nil
    }

    private func isRepeated(_ index: Int, _ entries: RawSpan) -> Bool {
        let entry = entries.grainTableEntry(index)
        for other in 0..<(entries.byteCount / 4) where other != index {
            if entries.grainTableEntry(other) == entry { return true }
        }
        return false
    }

    private func endOfZeros(from index: Int, _ entries: RawSpan) -> Int {
        let limit = min(entries.byteCount / 4, index + Self.maximumRun)
        var end = index
        while end < limit, entries.grainTableEntry(end) <= Self.lastZeroEntry { end += 1 }
        return end
    }

    private func guestOffset(of index: Int, _ table: GrainTable) -> UInt64 {
        (UInt64(table.number) << layout.tableShift + UInt64(index)) << layout.grainShift
    }

    /// What of a grain belongs to the disk, in bytes.
    private func neededByteCount(from guestOffset: UInt64) -> UInt64 {
        min(layout.grainByteCount, virtualByteCount - guestOffset)
    }

    private func isInside(_ stored: UInt64, byteCount: UInt64) -> Bool {
        stored <= fileByteCount && byteCount <= fileByteCount - stored
    }

    private func run(of table: GrainTable, _ indexes: Range<Int>, _ storage: Extent.Storage) -> Extent {
        let start = guestOffset(of: indexes.lowerBound, table)
        let end = min(guestOffset(of: indexes.upperBound, table), virtualByteCount)
        return Extent(guestOffset: start, byteCount: end - start, storage: storage)
    }

    private func pastTheEnd(_ index: Int, _ table: GrainTable, _ entry: UInt32) -> ReadError {
        damage(of: index, table, entry, "the file ends at byte \(fileByteCount), before the grain does")
    }

    private func damage(of index: Int, _ table: GrainTable, _ entry: UInt32, _ reason: String) -> ReadError {
        .corrupt(
            record: "grain table \(table.number) of \(imageName)", offset: table.offset + UInt64(index) * 4,
            reason:
                "the entry of the grain at LBA \(guestOffset(of: index, table) / 512) names sector "
                + "\(entry); \(reason)"
        )
    }
}

extension RawSpan {
    /// Entry `index` of a grain table: the grain's first sector.
    fileprivate func grainTableEntry(_ index: Int) -> UInt32 {
        littleEndian(UInt32.self, at: index * 4)
    }
}
