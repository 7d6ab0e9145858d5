// What is kept of one compressed file.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Reads and writes the index of one file. What is read was checked by its checksum, and is looked at all the same: a
/// number that cannot be makes it as good as none.
struct StoredIndex: Sendable {
    private let store: IndexStore
    /// Nil where the file has no identity that could be told again.
    private let key: IndexKey?
    private let name: String
    /// Whether it is told that there is no key.
    private let isSettled: Bool
    /// The stored length of the compressed file, in bytes.
    private let storedByteCount: UInt64
    private let budget: OpeningBudget

    init(
        store: IndexStore, key: IndexKey?, name: String, isSettled: Bool = true, storedByteCount: UInt64,
        budget: OpeningBudget
    ) {
        self.store = store
        self.key = key
        self.name = name
        self.isSettled = isSettled
        self.storedByteCount = storedByteCount
        self.budget = budget
    }

    /// What is kept; nil where there is nothing of use.
    /// - Throws: `ReadError.overBudget` where there is not the memory for it.
    private func payload(_ share: BudgetShare) throws(ReadError) -> [UInt8]? {
        guard let key else { return nil }
        return try store.read(key, share: share)
    }

    private func write(_ payload: [UInt8]) {
        guard let key else {
            let reason =
                isSettled
                ? "it is no file that could be told to be the same the next time" : "it was written just now"
            return store.note("nothing is kept of \(name): \(reason)")
        }
        // What could not be read for lack of memory is better than what was found with as little.
        do throws(ReadError) {
            _ = try store.read(key, share: BudgetShare(of: budget))
        } catch {
            return
        }
        store.write(payload, for: key)
    }

    /// Keeps the units, and which of them were found right.
    func save(_ table: UnitTable, checked: CheckedUnits) {
        var bytes = IndexBytes()
        bytes.append(UInt64(table.units.count))
        for unit in table.units {
            bytes.append(unit.stored.lowerBound)
            bytes.append(unit.stored.upperBound)
            bytes.append(unit.decodedByteCount)
            bytes.append(UInt64(unit.kind) << 32 | UInt64(unit.checksum))
        }
        for word in checked.words { bytes.append(word) }
        write(bytes.bytes)
    }

    /// Keeps the units again when more of them were found right.
    func keeper(of table: UnitTable) -> IndexKeeper {
        IndexKeeper { save(table, checked: $0) }
    }

    /// The units that were kept; nil where there are none.
    /// - Throws: `ReadError.unsupported` where they decode to more than `limit` bytes, `ReadError.overBudget`.
    func table(
        share: BudgetShare, within limit: UInt64
    ) throws(ReadError) -> (table: UnitTable, checked: CheckedUnits)? {
        guard let known = read(share: share) else { return nil }
        guard known.table.byteCount <= limit else { throw .tooLong(name, limit) }
        return known
    }

    /// Which of the units that the file itself lists were found right; nil where that is not known.
    func checkedUnits(of table: UnitTable, share: BudgetShare) -> CheckedUnits? {
        guard let known = read(share: share), known.table.units == table.units else { return nil }
        return known.checked
    }

    private func read(share: BudgetShare) -> (table: UnitTable, checked: CheckedUnits)? {
        let reading = BudgetShare(of: budget)
        guard let key, let payload = (try? payload(reading)) ?? nil else { return nil }
        var reader = IndexReader(OnDiskRecord(payload, named: "index"))
        guard let count = reader.word(), count <= UInt64(payload.count) / 32,
            (try? share.take(count, times: UnitTable.entryByteCount, for: "units")) != nil
        else { return nil }
        var table = UnitTable()
        var end: UInt64 = 0
        // Blocks of bzip2 are counted in bits.
        let scale: UInt64 = key.words.first == UInt64(CompressionFormat.bzip2.rawValue) ? 8 : 1
        let (limit, overflow) = storedByteCount.multipliedReportingOverflow(by: scale)
        for _ in 0..<count {
            guard let lower = reader.word(), let upper = reader.word(), let decoded = reader.word(),
                let rest = reader.word(), lower >= end, lower < upper, !overflow, upper <= limit, decoded > 0,
                let kind = UInt8(exactly: rest >> 32)
            else { return nil }
            end = upper
            let unit = CompressedUnit(
                stored: lower..<upper, decodedByteCount: decoded, kind: kind,
                checksum: UInt32(truncatingIfNeeded: rest))
            guard (try? table.add(unit, in: "index")) != nil else { return nil }
        }
        var words: [UInt64] = []
        while let word = reader.word() { words.append(word) }
        guard let checked = CheckedUnits(words: words, count: table.units.count) else { return nil }
        return (table, checked)
    }

    /// Where many of the points cannot be kept, a read may have to decode this much, in bytes, or eight times the distance of
    /// points: programs compress 8 MiB of a hole, and more, as one block.
    private static let longestStretch: UInt64 = 32 << 20

    /// Keeps the restart points of a gzip file.
    func save(_ index: GzipIndex) {
        // Those inside of blocks are states of the library, which cannot be written.
        let points = GzipIndex.merged(index.points.map { ($0.snapshot == nil, $0) })
        let (spaced, overflow) = index.spacing.multipliedReportingOverflow(by: 8)
        let longest = overflow ? .max : max(Self.longestStretch, spaced)
        guard
            points.count * 2 >= index.points.count || points.allSatisfy({ $0.decodedByteCount <= longest })
        else {
            return store.note(
                "nothing is kept of \(name): it is compressed in blocks that are too large to begin in; "
                    + "compressed with zstd, or xz -T0, it would be")
        }
        var bytes = IndexBytes()
        bytes.append(UInt64(points.count))
        for point in points {
            for word in [point.outputOffset, point.inputOffset, point.decodedByteCount] { bytes.append(word) }
            bytes.append(
                UInt64(point.checksum) << 32 | UInt64(point.bitCount) << 16 | UInt64(point.bits) << 8
                    | (point.isMemberStart ? 1 : 0))
            bytes.append(UInt64(point.window.count))
            bytes.append(point.window)
        }
        write(bytes.bytes)
    }

    /// The restart points that were kept, as many as there is memory for; nil where there are none.
    func gzipIndex() -> GzipIndex? {
        let reading = BudgetShare(of: budget)
        guard let payload = (try? payload(reading)) ?? nil else { return nil }
        var reader = IndexReader(OnDiskRecord(payload, named: "index"))
        guard let count = reader.word(), 1...UInt64(GzipIndex.maximumPointCount) ~= count else { return nil }
        var points: [GzipRestartPoint] = []
        var end: UInt64 = 0
        for _ in 0..<count {
            guard let output = reader.word(), let input = reader.word(), let byteCount = reader.word(),
                let rest = reader.word(), let windowByteCount = reader.word(),
                windowByteCount <= GzipIndex.windowByteCount, let window = reader.bytes(windowByteCount),
                // Each begins where the one before ends, and the first one at the start of the file.
                output == end, byteCount <= UInt64(Int64.max) - end, input < storedByteCount,
                points.last.map({ $0.inputOffset < input }) ?? (input == 0 && rest & 1 == 1),
                rest >> 16 & 0xffff <= 7
            else { return nil }
            points.append(
                GzipRestartPoint(
                    outputOffset: output, inputOffset: input, bitCount: Int(rest >> 16 & 7),
                    bits: UInt8(truncatingIfNeeded: rest >> 8), window: window, isMemberStart: rest & 1 == 1,
                    checksum: UInt32(truncatingIfNeeded: rest >> 32), decodedByteCount: byteCount))
            end = output + byteCount
        }
        return GzipIndex(restoring: points, budget: budget)
    }
}
