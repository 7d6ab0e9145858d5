// Which places of a VMDK file are named twice by its grain tables.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization

/// The places that more than one entry of an image's tables names, found when the first grain is looked up: any table
/// could name the grain, so that no answer is certain before all of them were read. For images whose grains do not say
/// themselves whose they are. Why it is so: docs/decisions/0020-places-that-are-named-twice.md.
final class GrainPlaces: Sendable {
    /// The most that tables may take in the file, in bytes, whole sectors each: those of a disk of 8 TiB with the usual
    /// grains.
    static let maximumTableByteCount: UInt64 = 256 << 20

    private let budget: OpeningBudget
    private let found = AtomicLazyReference<Found>()
    private let finding = SleepingMutex(())

    init(budget: OpeningBudget) {
        self.budget = budget
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

    /// What is known of the places of `image`, which is always the same one. The first caller reads all tables; the
    /// others wait for it.
    /// - Throws: where a table cannot be read now: the next caller tries again.
    func found(in image: VMDKSparseExtent) throws(ReadError) -> Found {
        let known: Found
        if let earlier = found.load() {
            known = earlier
        } else {
            known = try finding.withLock { _ throws(ReadError) -> Found in
                if let earlier = found.load() { return earlier }
                return found.storeIfNil(try find(in: image))
            }
        }
        if let failure = known.failure { throw failure }
        return known
    }

    private func find(in image: VMDKSparseExtent) throws(ReadError) -> Found {
        do throws(ReadError) {
            let isPlain = image.layout.storage == .plain
            var map = try PlaceMap(
                ofFileOf: image.fileByteCount, places: isPlain ? image.layout.grainByteCount : 512,
                atMost: isPlain ? UInt64(image.map.storedTableCount) << image.layout.tableShift : .max,
                budget: budget,
                for: "the map of used places of \(image.imageName)")
            try image.forEachTable(reading: { count, offset throws(ReadError) in
                try image.source.bytes(count, at: offset)
            }) { table, entries throws(ReadError) in
                for index in 0..<table.presentEntryCount {
                    guard let start = image.soundPlace(ofEntry: index, of: table, entries) else { continue }
                    try map.add(start)
                }
            }
            return Found(overlaps: try map.overlaps(), starts: isPlain ? nil : map)
        } catch {
            guard case .overBudget = error else { throw error }
            return Found(overlaps: .none, starts: nil, failure: error)
        }
    }
}
