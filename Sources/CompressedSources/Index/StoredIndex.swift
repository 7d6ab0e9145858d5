// What is kept of one compressed file.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Reads and writes the index of one file. What is read was checked by its checksum, and is looked at all the same: a
/// number that cannot be makes it as good as none.
struct StoredIndex: Sendable {
    private let store: IndexStore
    private let key: IndexKey
    /// The stored length of the compressed file, in bytes.
    private let storedByteCount: UInt64
    private let budget: OpeningBudget

    init(store: IndexStore, key: IndexKey, storedByteCount: UInt64, budget: OpeningBudget) {
        self.store = store
        self.key = key
        self.storedByteCount = storedByteCount
        self.budget = budget
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
        store.write(bytes.bytes, for: key)
    }

    /// Keeps the units again when more of them were found right.
    func keeper(of table: UnitTable) -> @Sendable (CheckedUnits) -> Void {
        { save(table, checked: $0) }
    }

    /// The units that were kept; nil where there are none.
    /// - Throws: `ReadError.unsupported` where they decode to more than `limit` bytes, `ReadError.overBudget`.
    func table(
        share: BudgetShare, within limit: UInt64
    ) throws(ReadError) -> (table: UnitTable, checked: CheckedUnits)? {
        guard let known = read(share: share) else { return nil }
        guard known.table.byteCount <= limit else {
            throw .unsupported(
                feature: "a compressed file that decodes to more than the \(limit) bytes expected of it")
        }
        return known
    }

    /// Which of the units that the file itself lists were found right; nil where that is not known.
    func checkedUnits(of table: UnitTable, share: BudgetShare) -> CheckedUnits? {
        guard let known = read(share: share), known.table.units == table.units else { return nil }
        return known.checked
    }

    private func read(share: BudgetShare) -> (table: UnitTable, checked: CheckedUnits)? {
        let reading = BudgetShare(of: budget)
        guard let payload = store.read(key, share: reading) else { return nil }
        var reader = IndexReader(OnDiskRecord(payload, named: "index"))
        guard let count = reader.word(), count <= UInt64(payload.count) / 32,
            (try? share.take(count, times: UnitTable.entryByteCount, for: "units")) != nil
        else { return nil }
        var table = UnitTable()
        var end: UInt64 = 0
        // Blocks of bzip2 are counted in bits.
        let scale: UInt64 = key.words.first == UInt64(CompressedSource.Format.bzip2.rawValue) ? 8 : 1
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

    /// Keeps the restart points of a gzip file.
    func save(_ index: GzipIndex, decodedByteCount: UInt64) {
        var bytes = IndexBytes()
        bytes.append(decodedByteCount)
        // Those inside of blocks are states of the library, which cannot be written.
        let points = index.points.filter { $0.snapshot == nil }
        guard points.count * 2 >= index.points.count else { return }
        bytes.append(UInt64(points.count))
        for point in points {
            bytes.append(point.outputOffset)
            bytes.append(point.inputOffset)
            bytes.append(
                UInt64(point.bitCount) << 16 | UInt64(point.bits) << 8 | (point.isMemberStart ? 1 : 0))
            bytes.append(UInt64(point.window.count))
            bytes.append(point.window)
        }
        store.write(bytes.bytes, for: key)
    }

    /// The restart points that were kept, within the memory for them; nil where there are none.
    func gzipIndex() -> (index: GzipIndex, decodedByteCount: UInt64)? {
        let reading = BudgetShare(of: budget)
        guard let payload = store.read(key, share: reading) else { return nil }
        var reader = IndexReader(OnDiskRecord(payload, named: "index"))
        guard let byteCount = reader.word(), let count = reader.word(), count > 0,
            count <= UInt64(GzipIndex.maximumPointCount)
        else { return nil }
        var index = GzipIndex(budget: budget)
        var last: GzipRestartPoint?
        for _ in 0..<count {
            guard let output = reader.word(), let input = reader.word(), let bits = reader.word(),
                let windowByteCount = reader.word(), windowByteCount <= GzipIndex.windowByteCount,
                let window = reader.bytes(windowByteCount), output <= byteCount, input <= storedByteCount,
                bits >> 16 <= 7, output >= last?.outputOffset ?? 0, input >= last?.inputOffset ?? 0
            else { return nil }
            let point = GzipRestartPoint(
                outputOffset: output, inputOffset: input, bitCount: Int(bits >> 16),
                bits: UInt8(truncatingIfNeeded: bits >> 8), window: window, isMemberStart: bits & 1 == 1)
            // The first is the start of the file.
            guard last != nil || point.isMemberStart && output == 0 && input == 0 else { return nil }
            index.add(point)
            last = point
        }
        return (index, byteCount)
    }
}
