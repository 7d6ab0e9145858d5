// Whether a file with its map at the front was cut short, or its copies of the map differ.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension VMDKSparseExtent {
    /// Up to this many bytes of tables, 64 GiB of disk at the usual sizes, are read at open to see whether the file holds
    /// all that they name.
    static let maximumCheckedTableByteCount: UInt64 = 4 << 20

    /// Refuses a file that ends before what its tables name; leniently, a warning says so, and which copy of a table is
    /// used where two differ. A stream with a footer has its end.
    /// - Throws: `ReadError.refused` where the file was cut short.
    mutating func checkTruncation(
        _ reader: OpeningReader, _ options: DiskImageOpener.Options
    ) throws(ReadError) {
        guard !hasTableMarkers else { return }
        let tableByteCount = UInt64(map.storedTableCount) << (layout.tableShift + 2)
        if options.lenient { try warnOfDifferentTables(options.budget) }
        guard tableByteCount <= Self.maximumCheckedTableByteCount,
            options.budget.mayLook(through: tableByteCount)
        else { return }
        var unreadCount = 0
        let needed = try neededByteCount(reader, unreadCount: &unreadCount)
        if unreadCount > 0 {
            warnings.append(
                "\(unreadCount) of \(map.storedTableCount) grain tables cannot be read: what they map answers EIO"
            )
        }
        guard let needed, needed > fileByteCount else { return }
        var reason =
            "the file is cut short: at least \(needed - fileByteCount) bytes are missing from its end"
        if let expected = options.expectedByteCount, expected > fileByteCount {
            reason =
                "the file is cut short: \(expected - fileByteCount) of \(expected) bytes are missing from its end"
        }
        guard options.lenient else {
            throw .refused(record: imageName, offset: fileByteCount, reason: reason, remedy: .lenient)
        }
        // What is missing of the length that was expected is a warning of every image.
        if options.expectedByteCount ?? 0 <= fileByteCount { warnings.append(reason) }
    }

    /// How long the file must have been for the grains that its tables name, in bytes; nil where none of them reaches
    /// past its end, but for entries that are wrong by themselves. What was cut off lies side by side, after the file's
    /// end: an entry that names a place far from there, or one on another grain, is a damaged entry, not a sign of a cut.
    /// Tables that cannot be read say nothing of a cut; they are added to `unreadCount`.
    private func neededByteCount(
        _ reader: OpeningReader, unreadCount: inout Int
    ) throws(ReadError) -> UInt64? {
        var inside = GrainsNearEnd(fileByteCount: fileByteCount, grainByteCount: layout.grainByteCount)
        var past: [UInt64] = []
        /// The last compressed grain of the file.
        var last: (start: UInt64, guestOffset: UInt64)?
        try forEachTable(
            reading: { count, offset throws(ReadError) in
                try reader.record("grain table", byteCount: count, at: offset).bytes
            },
            unreadable: { _, _ in unreadCount += 1 }
        ) { table, entries throws(ReadError) in
            for index in 0..<table.presentEntryCount {
                if let start = soundPlace(ofEntry: index, of: table, entries) {
                    inside.add(start)
                    if layout.storage != .plain, start > last?.start ?? 0 {
                        last = (start, guestOffset(of: index, table))
                    }
                } else if let start = missingPlace(ofEntry: index, of: table, entries) {
                    past.append(start)
                }
            }
        }
        var needed: UInt64?
        var count: UInt64 = 0
        // What comes in order is at its last grain when nearly all of it has come: that one's reader finds that it is cut off.
        if let last, !reader.source.arrivesInOrder || reader.source.isAtHand(last.start..<fileByteCount),
            let end = try storedEnd(at: last.start, of: last.guestOffset, reader), end > fileByteCount
        {
            needed = end
            count = 1
        }
        inside.sort()
        var previous: UInt64?
        for start in past.radixSorted() where start != previous && !inside.overlaps(start) {
            previous = start
            let end =
                start + (layout.storage == .plain ? layout.grainByteCount : UInt64(GrainMarker.byteCount) + 1)
            guard start - min(start, fileByteCount) <= (count + 1) * layout.maximumStoredByteCount else {
                break
            }
            count += 1
            needed = max(needed ?? 0, end)
        }
        return needed
    }

    /// The place of an entry that reaches past the end of the file.
    private func missingPlace(ofEntry index: Int, of table: GrainTable, _ entries: RawSpan) -> UInt64? {
        let start = UInt64(entries.littleEndian(UInt32.self, at: index * 4)) * 512
        guard start > 512, rules.problem(at: start, byteCount: 0) == nil || start > fileByteCount else {
            return nil
        }
        return start
    }

    /// Where the compressed grain at byte `start` ends, by what stands in front of it; nil where that makes no sense.
    private func storedEnd(
        at start: UInt64, of guestOffset: UInt64, _ reader: OpeningReader
    ) throws(ReadError) -> UInt64? {
        let count = Int(min(UInt64(GrainMarker.probeByteCount), fileByteCount - start))
        let head = try reader.record("grain marker", byteCount: count, at: start).bytes
        let span = head.span
        // SAFETY: bytes have no padding.
        let raw = unsafe span.bytes
        guard layout.storage == .compressedWithMarkers else {
            let byteCount = GrainMarker.seemingByteCount(of: raw, grainByteCount: Int(layout.grainByteCount))
            return byteCount > 0 ? start + UInt64(byteCount) : nil
        }
        let cluster = CompressedCluster(
            index: guestOffset >> layout.grainShift, storedOffset: start, storedByteCountLimit: count,
            decodedByteCount: Int(layout.grainByteCount), neededByteCount: 0,
            framing: .grainMarker(lba: guestOffset / 512))
        let payload = try? GrainMarker.payload(in: raw, of: cluster, fileByteCount: .max)
        return payload.map { start + UInt64($0.upperBound) }
    }

    private mutating func warnOfDifferentTables(_ budget: OpeningBudget) throws(ReadError) {
        guard let redundant = map.redundant,
            budget.mayLook(through: UInt64(map.storedTableCount) << (layout.tableShift + 2))
        else { return }
        var differingCount = 0
        var first: Int?
        for number in 0..<map.count {
            guard case .table(let sector, _) = map.lookUp(number), sector != redundant[number],
                redundant[number] != 0, sector == map.directory[number]
            else { continue }
            let table = table(number, at: sector, copy: redundant[number])
            guard table.copyOffset <= fileByteCount,
                UInt64(table.byteCount) <= fileByteCount - table.copyOffset, try differsFromCopy(table)
            else { continue }
            differingCount += 1
            first = first ?? number
        }
        guard let first else { return }
        warnings.append(
            "\(differingCount) of \(map.count) grain tables differ from their copies, the first of them number "
                + "\(first); the tables of the first directory are used")
    }
}

extension VMDKSparseExtent {
    /// Whether a table and its copy can be read and differ.
    private func differsFromCopy(_ table: GrainTable) throws(ReadError) -> Bool {
        do throws(ReadError) {
            return try source.bytes(table.byteCount, at: table.offset)
                != source.bytes(table.byteCount, at: table.copyOffset)
        } catch {
            guard error.isOfTheBytes else { throw error }
            return false
        }
    }
}

/// The grains that are whole in the file and near its end.
private struct GrainsNearEnd {
    let fileByteCount: UInt64
    let grainByteCount: UInt64
    private var starts: [UInt64] = []

    init(fileByteCount: UInt64, grainByteCount: UInt64) {
        self.fileByteCount = fileByteCount
        self.grainByteCount = grainByteCount
    }

    mutating func add(_ start: UInt64) {
        if fileByteCount - min(fileByteCount, start) < 2 * grainByteCount { starts.append(start) }
    }

    /// Has to come before `overlaps`.
    mutating func sort() { starts = starts.radixSorted() }

    /// Whether a grain that starts at `start` would share bytes with one of them.
    func overlaps(_ start: UInt64) -> Bool {
        let next = starts.partitionPoint { $0 < start }
        if next < starts.count, starts[next] - start < grainByteCount { return true }
        return next > 0 && start - starts[next - 1] < grainByteCount
    }
}
