// The first-level table of a qcow image: where its second-level tables are.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization

/// The first-level table of a disk, or of a snapshot. That of the disk is held in memory up to 32 MiB; others are read in
/// pages, through the cache. Any thread may use it.
///
/// Spec: QEMU, docs/interop/qcow2, "L1 table entry".
final class QCOWFirstLevel: Sendable {
    /// The largest table that is looked through for second-level tables that are named twice, in entries.
    static let comparedEntryCountLimit = EntryTable.heldByteCountLimit / 8
    /// Entries that a look-up joins at most, where they are absent; a page of a table is a multiple of it.
    private static let windowEntryCount: UInt64 = 512

    private let table: EntryTable
    private let geometry: QCOWGeometry
    private let fileByteCount: UInt64
    private let budget: OpeningBudget
    private let room: ComparingRoom?
    private let found = AtomicLazyReference<Found>()
    private let lock = LoadingLock()

    /// The second-level tables that are named twice, or why they cannot be told.
    private final class Found: Sendable {
        let overlaps: Result<OverlappingPlaces, ReadError>

        init(_ overlaps: Result<OverlappingPlaces, ReadError>) { self.overlaps = overlaps }
    }

    /// The table of `entryCount` entries at byte `offset`, of which a part at least is in the file.
    /// One that is not held is compared in `room`, when it is first needed.
    /// - Throws: `ReadError.overBudget` where there is no memory left for a table that is to be held.
    init(
        at offset: UInt64, entryCount: UInt64, _ geometry: QCOWGeometry, by reader: OpeningReader,
        pages: TableCache, budget: OpeningBudget, isHeld: Bool, room: ComparingRoom? = nil
    ) throws(ReadError) {
        self.geometry = geometry
        self.budget = budget
        self.room = room
        fileByteCount = reader.byteCount
        table = try EntryTable(
            found: "first-level table", at: offset, entryCount: entryCount, encoding: .bigEndian64,
            by: reader,
            pages: pages, budget: budget, mayBeHeld: isHeld && entryCount <= Self.comparedEntryCountLimit,
            numbering: .ofFile(index: { QCOWFile.tableIndex(ofFirstLevelAt: $0) }))
        guard table.isHeld else { return }
        let overlaps = try findOverlaps()
        _ = found.storeIfNil(Found(.success(overlaps)))
    }

    /// Entries that the disk needs.
    var entryCount: UInt64 { table.entryCount }
    /// Those of them that are in the file, which can end inside of the table.
    var presentEntryCount: UInt64 { table.presentEntryCount }
    /// Where the table is, in bytes of the file.
    var range: Range<UInt64> { table.range }

    /// Where the table would end in a file that has all of it.
    var neededEnd: UInt64 { table.neededEnd }

    /// Whether it is known, or found when it is needed, which second-level tables are named twice.
    var isCompared: Bool { entryCount <= Self.comparedEntryCountLimit }

    /// Entry `number`; nil where the file ends before it.
    func entry(_ number: UInt64) throws(ReadError) -> UInt64? {
        number < presentEntryCount ? try table.entry(number) : nil
    }

    /// The error for entry `number`, which breaks a rule or is missing.
    func damage(ofEntry number: UInt64, _ reason: String) -> ReadError {
        table.damage(ofEntry: number, reason)
    }

    /// The first table behind `number`, which is absent, that is not, or where the search was given up; the same for all
    /// tables before it.
    func endOfAbsent(from number: UInt64) throws(ReadError) -> UInt64 {
        let limit = min(presentEntryCount, (number / Self.windowEntryCount + 1) * Self.windowEntryCount)
        guard number + 1 < limit else { return number + 1 }
        return try table.end(ofRunFrom: number + 1, below: limit) { _, entry in entry == 0 }
    }

    /// Whether another entry names the second-level table at byte `start`, too.
    /// - Throws: `ReadError.wouldWait` where this thread may not wait and it is not known yet, `ReadError.overBudget` where
    ///   there is no memory to find it out.
    func isNamedTwice(_ start: UInt64) throws(ReadError) -> Bool {
        if let found = found.load() { return try found.overlaps.get().contains(start) }
        guard isCompared else { return false }
        guard Patience.current == .waits else { throw .wouldWait }
        try lock.acquire()
        defer { lock.release() }
        if let found = found.load() { return try found.overlaps.get().contains(start) }
        return try found.storeIfNil(Found(try compared())).overlaps.get().contains(start)
    }

    /// That there was no memory is kept: whoever asks next would go through the whole table to find the same.
    private func compared() throws(ReadError) -> Result<OverlappingPlaces, ReadError> {
        do throws(ReadError) {
            return .success(try findOverlaps())
        } catch {
            guard case .overBudget = error else { throw error }
            return .failure(error)
        }
    }

    /// Where the second-level tables start, as far as the entries make sense.
    func forEachTable(_ body: (UInt64) throws(ReadError) -> Void) throws(ReadError) {
        try forEachEntry { _, entry throws(ReadError) in
            guard case .table(let start) = QCOWTableEntry(entry, geometry) else { return }
            try body(start)
        }
    }

    /// Calls `body` with the number of each entry that is in the file and not 0, and with the entry.
    func forEachEntry(_ body: (UInt64, UInt64) throws(ReadError) -> Void) throws(ReadError) {
        try table.forEachEntry(body)
    }

    /// Where clusters of the file that `reader` reads can be: from byte `dataStart` on, on none of `records`, and on none of
    /// the second-level tables that this table leads to, if it is held.
    /// - Throws: `ReadError.overBudget` where there is no memory for the list of those.
    func rules(
        of reader: OpeningReader, dataStart: UInt64, records: [TakenRanges.Record]
    ) throws(ReadError) -> PlaceRules {
        guard table.isHeld else {
            return PlaceRules(fileByteCount: fileByteCount, dataStart: dataStart, records: records)
        }
        let share = BudgetShare(of: budget)
        var count: UInt64 = 0
        try forEachTable { start in if start < fileByteCount { count += 1 } }
        // 8 bytes each for as long as they are kept, and four times that while they are sorted.
        try share.take(count * 32, for: "the list of the second-level tables of \(reader.imageName)")
        defer { share.giveBack(count * 24) }
        var starts: [UInt64] = []
        starts.reserveCapacity(Int(count))
        try forEachTable { start in if start < fileByteCount { starts.append(start) } }
        return PlaceRules(
            fileByteCount: fileByteCount, dataStart: dataStart, records: records, tableStarts: starts,
            tableByteCount: geometry.tableByteCount, share: share)
    }

    private func findOverlaps() throws(ReadError) -> OverlappingPlaces {
        guard let room else {
            var count: UInt64 = 0
            try forEachTable { _ in count += 1 }
            return try findOverlaps(atMost: count, reserved: nil)
        }
        try room.lock.acquire()
        defer {
            room.share.giveBack(room.share.takenByteCount - room.byteCount)
            room.lock.release()
        }
        return try findOverlaps(atMost: entryCount, reserved: room.share)
    }

    private func findOverlaps(
        atMost count: UInt64, reserved: BudgetShare?
    ) throws(ReadError) -> OverlappingPlaces {
        guard count > 1 else { return .none }
        var map = try PlaceMap(
            ofFileOf: fileByteCount, places: geometry.tableByteCount, atMost: count, budget: budget,
            reserved: reserved, for: "places of second-level tables")
        try forEachTable { start throws(ReadError) in try map.add(start) }
        return try map.overlaps()
    }
}
