// The first-level table of a qcow image: where its second-level tables are.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization

/// The first-level table of a disk, or of a snapshot. That of the disk is held in memory up to 32 MiB; others are read in
/// pages, through the cache. Any thread may use it.
///
/// Spec: QEMU, docs/interop/qcow2, "L1 table entry".
final class QCOWFirstLevel: Sendable {
    /// The largest table that is held, or looked through for second-level tables that are named twice, in bytes.
    static let heldByteCountLimit: UInt64 = 32 << 20
    private static let pageByteCount: UInt64 = 64 << 10
    private static let readByteCount: UInt64 = 1 << 20
    /// Entries that a look-up joins at most, where they are absent.
    private static let windowEntryCount: UInt64 = 512

    /// Where the table starts, in bytes of the file.
    let offset: UInt64
    /// Entries that the disk needs.
    let entryCount: UInt64
    /// Those of them that are in the file, which can end inside of the table.
    let presentEntryCount: UInt64
    private let geometry: QCOWGeometry
    private let fileByteCount: UInt64
    private let held: [UInt64]?
    private let pages: TableCache
    private let budget: OpeningBudget
    private let share: BudgetShare
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
        self.offset = offset
        self.entryCount = entryCount
        self.geometry = geometry
        self.pages = pages
        self.budget = budget
        self.room = room
        fileByteCount = reader.byteCount
        presentEntryCount = min(entryCount, (reader.byteCount - min(reader.byteCount, offset)) / 8)
        share = BudgetShare(of: budget)
        guard isHeld, entryCount <= Self.heldByteCountLimit / 8 else {
            held = nil
            return
        }
        try share.take(presentEntryCount * 8, for: "first-level table of \(reader.imageName)")
        held = try Self.entries(presentEntryCount, at: offset, by: reader)
        let overlaps = try findOverlaps()
        _ = found.storeIfNil(Found(.success(overlaps)))
    }

    private static func entries(
        _ count: UInt64, at offset: UInt64, by reader: OpeningReader
    ) throws(ReadError) -> [UInt64] {
        var entries: [UInt64] = []
        entries.reserveCapacity(Int(count))
        var position: UInt64 = 0
        while position < count * 8 {
            let step = min(readByteCount, count * 8 - position)
            let record = try reader.record(
                "first-level table", byteCount: Int(step), at: offset + position)
            let span = record.bytes.span
            // SAFETY: bytes have no padding.
            let raw = unsafe span.bytes
            for index in 0..<Int(step / 8) { entries.append(raw.bigEndianEntry(index)) }
            position += step
        }
        return entries
    }

    /// Where the table is, in bytes of the file.
    var range: Range<UInt64> { offset..<(offset + presentEntryCount * 8) }

    /// Whether looking at an entry costs no reading.
    var isHeld: Bool { held != nil }

    /// Whether it is known, or found when it is needed, which second-level tables are named twice.
    var isCompared: Bool { entryCount <= Self.heldByteCountLimit / 8 }

    /// Entry `number`; nil where the file ends before it.
    func entry(_ number: UInt64) throws(ReadError) -> UInt64? {
        guard number < presentEntryCount else { return nil }
        if let held { return held[Int(number)] }
        return try withPage(of: number) { bytes, first in bytes.bigEndianEntry(Int(number - first)) }
    }

    /// The first table behind `number`, which is absent, that is not, or where the search was given up; the same for all
    /// tables before it.
    func endOfAbsent(from number: UInt64) throws(ReadError) -> UInt64 {
        let limit = min(presentEntryCount, (number / Self.windowEntryCount + 1) * Self.windowEntryCount)
        var end = number + 1
        guard let held else {
            // A page is whole windows.
            return try withPage(of: number) { bytes, first in
                while end < limit, bytes.bigEndianEntry(Int(end - first)) == 0 { end += 1 }
                return end
            }
        }
        while end < limit, held[Int(end)] == 0 { end += 1 }
        return end
    }

    /// Calls `body` with the page that entry `number` is in, and the number of its first entry.
    private func withPage<Result>(
        of number: UInt64, _ body: (RawSpan, UInt64) throws(ReadError) -> Result
    ) throws(ReadError) -> Result {
        let pageStart = number * 8 / Self.pageByteCount * Self.pageByteCount
        let start = offset + pageStart
        // By its place alone, so that tables which share a page find the same.
        let byteCount = min(Self.pageByteCount, (fileByteCount - start) / 8 * 8)
        return try pages.withTable(
            QCOWFile.tableIndex(ofFirstLevelAt: start), byteCount: Int(byteCount), at: start
        ) { bytes throws(ReadError) in
            try body(bytes, pageStart / 8)
        }
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
        if let held {
            for (number, entry) in held.enumerated() where entry != 0 { try body(UInt64(number), entry) }
            return
        }
        var number: UInt64 = 0
        while number < presentEntryCount {
            try PatientRead.checkCancellation()
            number = try withPage(of: number) { bytes, first throws(ReadError) in
                let end = min(presentEntryCount, first + UInt64(bytes.byteCount / 8))
                for other in number..<end {
                    let entry = bytes.bigEndianEntry(Int(other - first))
                    if entry != 0 { try body(other, entry) }
                }
                return end
            }
        }
    }

    /// Where clusters of the file that `reader` reads can be: from byte `dataStart` on, on none of `records`, and on none of
    /// the second-level tables that this table leads to, if it is held.
    /// - Throws: `ReadError.overBudget` where there is no memory for the list of those.
    func rules(
        of reader: OpeningReader, dataStart: UInt64, records: [TakenRanges.Record]
    ) throws(ReadError) -> PlaceRules {
        guard isHeld else {
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
