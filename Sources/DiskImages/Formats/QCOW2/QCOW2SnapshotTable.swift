// The snapshots that a qcow2 image keeps.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The table of snapshots, as far as it makes sense. The active disk does not depend on it: what is wrong with it is a
/// warning.
///
/// Spec: QEMU, docs/interop/qcow2, "Snapshots".
struct QCOW2SnapshotTable {
    /// One snapshot, whose first-level table can be where it says.
    struct Entry {
        let name: [UInt8]
        let identifier: [UInt8]
        /// In seconds since 1970.
        let creationTime: UInt32
        let virtualByteCount: UInt64
        let firstLevelOffset: UInt64
        /// Entries that the disk needs.
        let firstLevelEntryCount: UInt64
    }

    private(set) var entries: [Entry] = []
    /// The table of snapshots, and all first-level tables that it names and that can be where it says, of snapshots that are
    /// not shown, too: what lies on one of them is wrong, or the table is.
    private(set) var taken: [TakenRanges.Record] = []
    private(set) var warnings: [String] = []
    /// What was taken for the snapshots and their images.
    let share: BudgetShare
    /// Where the tables of one of them are compared; nil where there are none.
    private(set) var room: QCOWFirstLevel.ComparingRoom?

    private static let countLimit: UInt32 = 65_536
    static let byteCountLimit: UInt64 = 64 << 20
    /// What a snapshot and its image take beside their names, in bytes.
    static let snapshotByteCount: UInt64 = 1_024
    static let entryHeadByteCount = 40

    /// Reads the table that `header` leads to. `rules` say where clusters can be, as far as the disk itself goes.
    /// - Throws: where the file cannot be read, or there is no memory to know what the snapshots' tables take.
    init(
        of header: QCOW2Header, by reader: OpeningReader, _ rules: PlaceRules, budget: OpeningBudget
    ) throws(ReadError) {
        share = BudgetShare(of: budget)
        guard header.snapshotCount > 0 else { return }
        guard header.snapshotCount <= Self.countLimit else {
            warnings.append(
                "the image should have \(header.snapshotCount) snapshots, more than \(Self.countLimit); none is shown"
            )
            return
        }
        var search = Search(header: header, reader: reader, share: share)
        do throws(ReadError) {
            try search.read(rules)
        } catch {
            switch error {
            case .corrupt, .refused, .unsupported: search.end = error
            default: throw error
            }
        }
        taken = search.taken
        try choose(from: search, header, reader, budget)
    }

    /// Shows those whose tables are on nothing else, as far as there is memory for them.
    private mutating func choose(
        from search: Search, _ header: QCOW2Header, _ reader: OpeningReader, _ budget: OpeningBudget
    ) throws(ReadError) {
        guard search.memoryProblem == nil else { return hide(header, search.memoryProblem) }
        let overlapping = TakenRanges.overlapping(in: search.taken.map(\.range))
        var problem = search.firstProblem
        var absentCount = search.absentCount
        for candidate in search.candidates {
            if let place = candidate.place, overlapping.contains(place) {
                absentCount += 1
                problem =
                    problem
                    ?? "at byte \(candidate.offset): its first-level table is at byte "
                    + "\(candidate.entry.firstLevelOffset), and another table is on some of the same bytes"
            } else {
                entries.append(candidate.entry)
            }
        }
        if let end = search.end {
            warnings.append(
                "of \(header.snapshotCount) snapshots those after the first \(search.count) are not shown: \(end)"
            )
        }
        if absentCount > 0 {
            warnings.append(
                "\(absentCount) of \(header.snapshotCount) snapshots are not shown, the first because of this: "
                    + (problem ?? ""))
        }
        guard !entries.isEmpty else { return }
        do throws(ReadError) {
            room = try QCOWFirstLevel.ComparingRoom(
                for: entries.map(\.firstLevelEntryCount), header.geometry, by: reader, budget)
        } catch {
            guard case .overBudget = error else { throw error }
            hide(header, error)
        }
    }

    private mutating func hide(_ header: QCOW2Header, _ problem: ReadError?) {
        entries = []
        // What they took is left to others.
        let kept = UInt64(taken.count) * TakenRanges.recordByteCount
        share.giveBack(share.takenByteCount - min(share.takenByteCount, kept))
        warnings.append(
            "its \(header.snapshotCount) snapshots are not shown\(problem.map { ": \($0)" } ?? "")")
    }
}
