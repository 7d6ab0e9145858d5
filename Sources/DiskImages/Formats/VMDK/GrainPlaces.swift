// Which places of a VMDK file are named twice by its grain tables.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization

/// The places that more than one entry of an image's tables names, found when the first grain is looked up: any table
/// could name the grain, so that no answer is certain before all of them were read. For images whose grains do not say
/// themselves whose they are. Why it is so: docs/decisions/0020-places-that-are-named-twice.md.
final class GrainPlaces: Sendable {
    /// The most that tables may take in the file, in bytes, whole sectors each: those of a disk of 4 TiB with the usual
    /// grains.
    static let maximumTableByteCount: UInt64 = 256 << 20

    private let budget: OpeningBudget
    /// What finding takes, so that a disk that was opened can be read.
    private let share: BudgetShare
    private let reservedByteCount: UInt64
    private let purpose: String
    private let found = AtomicLazyReference<Found>()
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

        init(overlaps: OverlappingPlaces, starts: PlaceMap?, failure: ReadError? = nil) {
            self.overlaps = overlaps
            self.starts = starts
            self.failure = failure
        }
    }

    /// How far reading the tables has come.
    private struct Search {
        var map: PlaceMap
        /// How many tables are in `map`, in the order of their places.
        var tableCount = 0
    }

    /// What is known of the places of `image`, which is always the same one. The first caller reads all tables; the
    /// others wait for it.
    /// - Throws: where a table cannot be read now: the next caller goes on from there. `ReadError.wouldWait` where this
    ///   thread may not wait and it is not known yet.
    func found(in image: VMDKSparseExtent) throws(ReadError) -> Found {
        let known: Found
        if let earlier = found.load() { known = earlier } else { known = try findOnce(in: image) }
        if let failure = known.failure { throw failure }
        return known
    }

    private func findOnce(in image: VMDKSparseExtent) throws(ReadError) -> Found {
        guard Patience.current == .waits else { throw .wouldWait }
        try lock.acquire()
        defer { lock.release() }
        if let earlier = found.load() { return earlier }
        return found.storeIfNil(try find(in: image))
    }

    private func find(in image: VMDKSparseExtent) throws(ReadError) -> Found {
        do throws(ReadError) {
            var search: Search
            if let earlier = takeUnfinished() { search = earlier } else { search = try start(image) }
            do throws(ReadError) {
                try add(to: &search, from: image)
            } catch {
                unfinished.withLock { $0 = search }
                throw error
            }
            let overlaps = try search.map.overlaps()
            guard image.layout.storage != .plain else {
                share.giveBack(share.takenByteCount)
                return Found(overlaps: overlaps, starts: nil)
            }
            return Found(overlaps: overlaps, starts: search.map)
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

    private func add(to search: inout Search, from image: VMDKSparseExtent) throws(ReadError) {
        try image.forEachTable(
            after: search.tableCount, isPaid: true,
            reading: { count, offset throws(ReadError) in
                try PatientRead.checkCancellation()
                return try image.source.bytes(count, at: offset)
            }
        ) { table, entries throws(ReadError) in
            for index in 0..<table.presentEntryCount {
                guard let start = image.soundPlace(ofEntry: index, of: table, entries) else { continue }
                try search.map.add(start)
            }
            search.tableCount += 1
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
