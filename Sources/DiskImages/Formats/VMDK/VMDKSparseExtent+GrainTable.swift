// What the entries of a grain table mean.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension VMDKSparseExtent {
    /// The most entries that a look-up joins into one extent, or looks at for the next stored grain.
    private static let maximumRun = 1_024
    /// The entry of a grain that was never written.
    static let absentEntry: UInt32 = 0
    /// Up to here an entry is no place: 1 is a grain of zeros, whatever a parent has.
    static let lastZeroEntry: UInt32 = 1

    /// The extent that starts with entry `index` of `table`. Called for each read: it allocates only where it
    /// has to report damage.
    ///
    /// Spec: VMware Virtual Disk Format 5.0, "Grain Table".
    func extent(
        ofEntry index: Int, of table: GrainTable, _ entries: RawSpan
    ) throws(ReadError) -> Extent {
        guard index < table.presentEntryCount else {
            return run(of: table, index..<table.entryCount, .damaged(missing(index, table)))
        }
        let entry = entries.grainTableEntry(index)
        guard entry > Self.lastZeroEntry else {
            let end = endOfRun(from: index, entries) { $0 == entry }
            return run(of: table, index..<end, entry == Self.absentEntry ? .absent : .zeros)
        }
        switch layout.storage {
        case .plain:
            return try plainExtent(ofEntry: index, of: table, entries)
        case .compressedWithMarkers:
            return compressedExtent(
                ofEntry: index, of: table, entries,
                framing: .grainMarker(lba: guestOffset(of: index, table) / 512))
        case .compressed:
            return try unmarkedExtent(ofEntry: index, of: table, entries)
        }
    }

    /// Counts the bytes of the guest disk that `entries` do not call zeros; entries that the file lacks are none of them.
    func storedByteCount(in table: GrainTable, _ entries: RawSpan) -> UInt64 {
        var sum: UInt64 = 0
        for index in 0..<table.entryCount {
            guard index >= table.presentEntryCount || entries.grainTableEntry(index) > Self.lastZeroEntry
            else {
                continue
            }
            sum += neededByteCount(from: guestOffset(of: index, table))
        }
        return sum
    }

    /// Where the grain of entry `index` starts, in bytes of the file; nil where it is zeros, or the entry is wrong by
    /// itself: it takes no place away from others then.
    func soundPlace(ofEntry index: Int, of table: GrainTable, _ entries: RawSpan) -> UInt64? {
        let entry = entries.grainTableEntry(index)
        guard entry > Self.lastZeroEntry else { return nil }
        let stored = UInt64(entry) * 512
        let byteCount =
            layout.storage == .plain
            ? neededByteCount(from: guestOffset(of: index, table)) : UInt64(GrainMarker.sizeByteCount)
        return rules.problem(at: stored, byteCount: byteCount) == nil ? stored : nil
    }

    /// A compressed grain that no marker may stand in front of, so that nothing in it says whose it is.
    private func unmarkedExtent(
        ofEntry index: Int, of table: GrainTable, _ entries: RawSpan
    ) throws(ReadError) -> Extent {
        let entry = entries.grainTableEntry(index)
        let stored = UInt64(entry) * 512
        if let problem = rules.problem(at: stored, byteCount: UInt64(GrainMarker.sizeByteCount)) {
            return damaged(index, table, entry, problem.text(of: "grain"))
        }
        let lba = guestOffset(of: index, table) / 512
        guard let found = try places?.found(in: self, for: table, entries) else {
            return compressedExtent(
                ofEntry: index, of: table, entries, framing: .grainMarkerOrSize(lba: lba, preceding: nil))
        }
        guard !found.overlaps.contains(stored) else {
            return damaged(index, table, entry, "another entry names the same place")
        }
        let preceding = found.starts?.start(before: stored, within: layout.maximumStoredByteCount)
        let following = found.starts?.start(after: stored, within: layout.maximumStoredByteCount)
        return compressedExtent(
            ofEntry: index, of: table, entries, framing: .grainMarkerOrSize(lba: lba, preceding: preceding),
            following: following)
    }

    private func compressedExtent(
        ofEntry index: Int, of table: GrainTable, _ entries: RawSpan,
        framing: CompressedCluster.Framing, following: UInt64? = nil
    ) -> Extent {
        let entry = entries.grainTableEntry(index)
        let stored = UInt64(entry) * 512
        let guestOffset = guestOffset(of: index, table)
        let framingByteCount =
            switch framing {
            case .grainMarker: GrainMarker.byteCount
            case .grainMarkerOrSize: GrainMarker.sizeByteCount
            case .deflate, .zstd, .zlib: 0
            }
        guard stored < fileByteCount, fileByteCount - stored > UInt64(framingByteCount) else {
            return damaged(
                index, table, entry, PlaceRules.Problem.pastTheEnd(fileByteCount).text(of: "grain"))
        }
        let limit = storedByteCountLimit(of: index, at: stored, table, entries)
        let cluster = CompressedCluster(
            index: guestOffset >> layout.grainShift,
            storedOffset: stored,
            storedByteCountLimit: following.map { min(limit, Int($0 - stored)) } ?? limit,
            decodedByteCount: Int(layout.grainByteCount),
            neededByteCount: Int(neededByteCount(from: guestOffset)),
            framing: framing)
        return run(of: table, index..<(index + 1), .compressed(cluster))
    }

    /// The distance to the next stored grain where that can be this grain's length, else the most that a
    /// grain takes; never past the end of the file.
    private func storedByteCountLimit(
        of index: Int, at stored: UInt64, _ table: GrainTable, _ entries: RawSpan
    ) -> Int {
        var limit = min(layout.maximumStoredByteCount, fileByteCount - stored)
        let next = endOfRun(from: index + 1, entries) { $0 <= Self.lastZeroEntry }
        if next < table.presentEntryCount {
            let nextStored = UInt64(entries.grainTableEntry(next)) * 512
            if nextStored > stored { limit = min(limit, nextStored - stored) }
        }
        return Int(limit)
    }

    private func plainExtent(
        ofEntry index: Int, of table: GrainTable, _ entries: RawSpan
    ) throws(ReadError) -> Extent {
        let entry = entries.grainTableEntry(index)
        let stored = UInt64(entry) * 512
        if let problem = rules.problem(
            at: stored, byteCount: neededByteCount(from: guestOffset(of: index, table)))
        {
            return damaged(index, table, entry, problem.text(of: "grain"))
        }
        let overlaps = try places?.found(in: self, for: table, entries).overlaps ?? .none
        guard !overlaps.contains(stored) else {
            return damaged(index, table, entry, "another entry names sectors of the same grain")
        }
        let end = endOfJoined(from: index, in: table, entries)
        // One question for all of them, and one for each only where something is wrong with one.
        let needed = neededByteCount(of: index..<end, in: table)
        guard !overlaps.isEmpty || rules.problem(at: stored, byteCount: needed) != nil else {
            return run(of: table, index..<end, .stored(at: stored))
        }
        let grainSectors = layout.grainByteCount / 512
        var soundEnd = index + 1
        while soundEnd < end {
            let start = (UInt64(entry) + UInt64(soundEnd - index) * grainSectors) * 512
            let byteCount = neededByteCount(from: guestOffset(of: soundEnd, table))
            guard rules.problem(at: start, byteCount: byteCount) == nil, !overlaps.contains(start) else {
                break
            }
            soundEnd += 1
        }
        return run(of: table, index..<soundEnd, .stored(at: stored))
    }

    /// Where the grains end that follow the one of entry `index` both on the disk and in the file.
    private func endOfJoined(from index: Int, in table: GrainTable, _ entries: RawSpan) -> Int {
        let grainSectors = layout.grainByteCount / 512
        let limit = min(table.presentEntryCount, Self.endOfRuns(from: index))
        var end = index + 1
        var expected = UInt64(entries.grainTableEntry(index)) + grainSectors
        while end < limit, UInt64(entries.grainTableEntry(end)) == expected {
            end += 1
            expected += grainSectors
        }
        return end
    }

    /// Where a run that goes on at entry `index` ends at the latest: the same for all entries of the run.
    private static func endOfRuns(from index: Int) -> Int { (index / maximumRun + 1) * maximumRun }

    private func endOfRun(
        from index: Int, _ entries: RawSpan, where isPart: (UInt32) -> Bool
    ) -> Int {
        let limit = min(entries.byteCount / 4, Self.endOfRuns(from: index))
        var end = index
        while end < limit, isPart(entries.grainTableEntry(end)) { end += 1 }
        return end
    }

    func guestOffset(of index: Int, _ table: GrainTable) -> UInt64 {
        (UInt64(table.number) << layout.tableShift + UInt64(index)) << layout.grainShift
    }

    /// What of a grain belongs to the disk, in bytes.
    private func neededByteCount(from guestOffset: UInt64) -> UInt64 {
        min(layout.grainByteCount, virtualByteCount - guestOffset)
    }

    /// What of the grains of `indexes` belongs to the disk, in bytes.
    private func neededByteCount(of indexes: Range<Int>, in table: GrainTable) -> UInt64 {
        let start = guestOffset(of: indexes.lowerBound, table)
        return min(guestOffset(of: indexes.upperBound, table), virtualByteCount) - start
    }

    private func run(of table: GrainTable, _ indexes: Range<Int>, _ storage: Extent.Storage) -> Extent {
        let start = guestOffset(of: indexes.lowerBound, table)
        let end = min(guestOffset(of: indexes.upperBound, table), virtualByteCount)
        return Extent(guestOffset: start, byteCount: end - start, storage: storage)
    }

    private func missing(_ index: Int, _ table: GrainTable) -> ReadError {
        .corrupt(
            record: name(of: table), offset: table.offset + UInt64(index) * 4,
            reason:
                "the file ends at byte \(fileByteCount), before the table does "
                + "(guest data from LBA \(guestOffset(of: index, table) / 512) on)")
    }

    private func damaged(_ index: Int, _ table: GrainTable, _ entry: UInt32, _ reason: String) -> Extent {
        run(of: table, index..<(index + 1), .damaged(damage(of: index, table, entry, reason)))
    }

    private func damage(of index: Int, _ table: GrainTable, _ entry: UInt32, _ reason: String) -> ReadError {
        .corrupt(
            record: name(of: table), offset: table.offset + UInt64(index) * 4,
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
