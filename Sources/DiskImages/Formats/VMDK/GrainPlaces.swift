// Which places of a VMDK file are named twice by its grain tables.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization

/// The places that more than one entry of an image's tables names, found when the first grain is looked up: any table
/// could name the grain, so that no answer is certain before all of them were read. For images whose grains do not say
/// themselves whose they are. A table that cannot be read is left out, and what it maps is not served before it was added.
/// Why it is so: docs/decisions/0020-places-that-are-named-twice.md.
final class GrainPlaces: Sendable {
    /// The most that tables may take in the file, in bytes, whole sectors each: those of a disk of 4 TiB with the usual
    /// grains.
    static let maximumTableByteCount: UInt64 = 256 << 20

    /// Where more tables than this cannot be read, the source is taken to be away, and nothing of the disk is served.
    static let maximumUnreadCount = 1_024

    private let budget: OpeningBudget
    /// What finding takes, so that a disk that was opened can be read.
    private let share: BudgetShare
    private let reservedByteCount: UInt64
    private let purpose: String
    private let complete = AtomicLazyReference<Found>()
    /// What is known while some tables cannot be read.
    private let partial = SleepingMutex<Found?>(nil)
    private let lock = LoadingLock()
    /// Used by the holder of `lock` only.
    private let unfinished = SleepingMutex<Search?>(nil)

    /// - Throws: `ReadError.overBudget` where finding will need more memory than is left.
    init(
        of layout: VMDKSparseExtent.Layout, _ map: TableMap, fileByteCount: UInt64, named imageName: String,
        budget: OpeningBudget
    ) throws(ReadError) {
        self.budget = budget
        purpose = "the map of used places of \(imageName)"
        share = BudgetShare(of: budget)
        let tableCount = UInt64(map.storedTableCount)
        // Neither overflows: tables take up to 256 MiB.
        reservedByteCount =
            PlaceMap.expectedByteCount(
                ofFileOf: fileByteCount, places: layout.placeByteCount,
                atMost: layout.maximumPlaceCount(inTables: tableCount))
            + tableCount * TableMap.listedTableByteCount
        try share.take(reservedByteCount, for: purpose)
    }

    /// What was found.
    final class Found: Sendable {
        /// Places that overlap. For compressed grains, whose lengths are not known, those that are the same.
        let overlaps: OverlappingPlaces
        /// All places of compressed grains, by sectors; nil for plain ones.
        let starts: PlaceMap?
        /// Why nothing can be told: there was no memory for it.
        let failure: ReadError?
        /// The tables that could not be read, by their numbers: their entries are in none of this.
        let unread: Set<Int>

        init(
            overlaps: OverlappingPlaces, starts: PlaceMap?, failure: ReadError? = nil, unread: Set<Int> = []
        ) {
            self.overlaps = overlaps
            self.starts = starts
            self.failure = failure
            self.unread = unread
        }
    }

    /// How far reading the tables has come.
    private struct Search {
        var map: PlaceMap
        /// How many tables were looked at, in the order of their places.
        var tableCount = 0
        /// Those of them that are not in `map`, by their numbers: they could not be read.
        var unread: Set<Int> = []
    }

    /// What is known of the places of `image`, which is always the same one, with those of `table`, whose entries are given.
    /// The first caller reads all tables; the others wait for it.
    /// - Throws: where too many tables cannot be read now: the next caller goes on from there. `ReadError.wouldWait` where
    ///   this thread may not wait and it is not known yet.
    func found(
        in image: VMDKSparseExtent, for table: VMDKSparseExtent.GrainTable, _ entries: RawSpan
    ) throws(ReadError) -> Found {
        let found: Found
        if let known = known(for: table) {
            found = known
        } else {
            found = try findOnce(image, table, entries)
        }
        if let failure = found.failure { throw failure }
        return found
    }

    private func known(for table: VMDKSparseExtent.GrainTable) -> Found? {
        if let found = complete.load() { return found }
        guard let found = partial.withLock({ $0 }), !found.unread.contains(table.number) else { return nil }
        return found
    }

    private func findOnce(
        _ image: VMDKSparseExtent, _ table: VMDKSparseExtent.GrainTable, _ entries: RawSpan
    ) throws(ReadError) -> Found {
        guard Patience.current == .waits else { throw .wouldWait }
        try lock.acquire()
        defer { lock.release() }
        if let known = known(for: table) { return known }
        let found = try find(image, table, entries)
        guard found.unread.isEmpty else {
            partial.withLock { $0 = found }
            return found
        }
        partial.withLock { $0 = nil }
        return complete.storeIfNil(found)
    }

    private func find(
        _ image: VMDKSparseExtent, _ table: VMDKSparseExtent.GrainTable, _ entries: RawSpan
    ) throws(ReadError) -> Found {
        do throws(ReadError) {
            var search: Search
            if let earlier = takeUnfinished() { search = earlier } else { search = try start(image) }
            do throws(ReadError) {
                try add(to: &search, from: image)
            } catch {
                unfinished.withLock { $0 = search }
                throw error
            }
            // It can be read by now, or its copy.
            if search.unread.contains(table.number) {
                try add(table, entries, to: &search.map, image)
                search.unread.remove(table.number)
            }
            let overlaps = try search.map.overlaps()
            let isPlain = image.layout.storage == .plain
            if !search.unread.isEmpty {
                unfinished.withLock { $0 = search }
            } else if isPlain {
                share.giveBack(share.takenByteCount)
            }
            return Found(overlaps: overlaps, starts: isPlain ? nil : search.map, unread: search.unread)
        } catch {
            guard case .overBudget = error else { throw error }
            unfinished.withLock { $0 = nil }
            share.giveBack(share.takenByteCount)
            return Found(overlaps: .none, starts: nil, failure: error)
        }
    }

    private func takeUnfinished() -> Search? {
        unfinished.withLock { search in
            defer { search = nil }
            return search
        }
    }

    private func start(_ image: VMDKSparseExtent) throws(ReadError) -> Search {
        Search(
            map: try PlaceMap(
                ofFileOf: image.fileByteCount, places: image.layout.placeByteCount,
                atMost: image.layout.maximumPlaceCount(inTables: UInt64(image.map.storedTableCount)),
                budget: budget, reserved: share, for: purpose))
    }

    /// Adds the tables that were not looked at yet.
    private func add(to search: inout Search, from image: VMDKSparseExtent) throws(ReadError) {
        guard search.tableCount < image.map.storedTableCount else { return }
        try image.forEachTable(
            after: search.tableCount, isPaid: true,
            reading: { count, offset throws(ReadError) in
                try PatientRead.checkCancellation()
                return try image.source.bytes(count, at: offset)
            },
            unreadable: { table, error throws(ReadError) in
                guard search.unread.count < Self.maximumUnreadCount else { throw error }
                search.unread.insert(table.number)
                search.tableCount += 1
            }
        ) { table, entries throws(ReadError) in
            try add(table, entries, to: &search.map, image)
            search.tableCount += 1
        }
    }

    private func add(
        _ table: VMDKSparseExtent.GrainTable, _ entries: RawSpan, to map: inout PlaceMap,
        _ image: VMDKSparseExtent
    ) throws(ReadError) {
        for index in 0..<table.presentEntryCount {
            guard let start = image.soundPlace(ofEntry: index, of: table, entries) else { continue }
            try map.add(start)
        }
    }
}

extension VMDKSparseExtent.Layout {
    /// How much of the file a grain's place is, in bytes: of a compressed grain, all that is known is where it starts.
    fileprivate var placeByteCount: UInt64 { storage == .plain ? grainByteCount : 512 }

    /// How many places can come from `tableCount` tables; `.max` where all sectors of the file are to be told.
    fileprivate func maximumPlaceCount(inTables tableCount: UInt64) -> UInt64 {
        storage == .plain ? tableCount << tableShift : .max
    }
}
