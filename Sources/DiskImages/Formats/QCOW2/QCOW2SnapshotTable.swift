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

        /// Where the first-level table is, in bytes of the file.
        var firstLevel: Range<UInt64> { firstLevelOffset..<(firstLevelOffset + firstLevelEntryCount * 8) }
    }

    private(set) var entries: [Entry] = []
    /// Where the table is, in bytes of the file.
    private(set) var range: Range<UInt64> = 0..<0
    private(set) var warnings: [String] = []
    /// What was taken for the snapshots and their images.
    let share: BudgetShare

    private static let countLimit: UInt32 = 65_536
    private static let byteCountLimit: UInt64 = 64 << 20
    /// What a snapshot and its image take beside their names, in bytes.
    private static let snapshotByteCount: UInt64 = 1_024
    private static let entryHeadByteCount = 40

    /// Reads the table that `header` leads to. `rules` say where first-level tables can be.
    /// - Throws: only where the file cannot be read.
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
        do throws(ReadError) {
            try read(header, reader, rules)
        } catch {
            switch error {
            case .corrupt, .refused, .unsupported:
                warnings.append(
                    "of \(header.snapshotCount) snapshots those after the first \(entries.count) are not shown: \(error)"
                )
            case .overBudget:
                // What they took is left to others.
                entries = []
                share.giveBack(share.takenByteCount)
                warnings.append("its \(header.snapshotCount) snapshots are not shown: \(error)")
            default: throw error
            }
        }
    }

    private mutating func read(
        _ header: QCOW2Header, _ reader: OpeningReader, _ rules: PlaceRules
    ) throws(ReadError) {
        let start = header.snapshotsOffset
        guard start & (header.geometry.clusterByteCount - 1) == 0, start > 0 else {
            throw .corrupt(
                record: "qcow2 header of \(reader.imageName)", offset: 64,
                reason: "the table of snapshots is at byte \(start), inside of a cluster")
        }
        var cursor = Cursor(reader, at: start, atMost: Self.byteCountLimit)
        var absentCount = 0
        var firstProblem = ""
        for number in 0..<header.snapshotCount {
            let entryStart = cursor.position
            let entry = try Self.entry(&cursor, header)
            range = start..<cursor.position
            if let problem = entry.problem(header, rules) {
                absentCount += 1
                if absentCount == 1 {
                    firstProblem = "number \(number + 1), at byte \(entryStart): \(problem)"
                }
                continue
            }
            try share.take(
                Self.snapshotByteCount + UInt64(entry.name.count + entry.identifier.count),
                for: "snapshots of \(reader.imageName)")
            entries.append(entry.snapshot)
        }
        if absentCount > 0 {
            warnings.append(
                "\(absentCount) of \(header.snapshotCount) snapshots are not shown, the first because of this: \(firstProblem)"
            )
        }
    }

    /// An entry as it is stored.
    private struct StoredEntry {
        let name: [UInt8]
        let identifier: [UInt8]
        let creationTime: UInt32
        let virtualByteCount: UInt64
        let firstLevelOffset: UInt64
        let storedEntryCount: UInt64
        let neededEntryCount: UInt64

        var snapshot: Entry {
            Entry(
                name: name, identifier: identifier, creationTime: creationTime,
                virtualByteCount: virtualByteCount,
                firstLevelOffset: firstLevelOffset, firstLevelEntryCount: neededEntryCount)
        }

        /// Why it cannot be read; nil where it can.
        func problem(_ header: QCOW2Header, _ rules: PlaceRules) -> String? {
            guard virtualByteCount <= UInt64(Int64.max) - 511 else {
                return "a disk of \(virtualByteCount) bytes is longer than a file can be"
            }
            guard storedEntryCount >= neededEntryCount else {
                return
                    "a first-level table of \(storedEntryCount) entries cannot lead to \(virtualByteCount) bytes"
            }
            guard firstLevelOffset & (header.geometry.clusterByteCount - 1) == 0 else {
                return "its first-level table is at byte \(firstLevelOffset), inside of a cluster"
            }
            guard neededEntryCount > 0 else { return nil }
            return rules.problem(at: firstLevelOffset, byteCount: neededEntryCount * 8).map {
                "its first-level table is at byte \(firstLevelOffset): \($0.text(of: "table"))"
            }
        }
    }

    private static func entry(
        _ cursor: inout Cursor, _ header: QCOW2Header
    ) throws(ReadError) -> StoredEntry {
        let head = try cursor.next(entryHeadByteCount)
        let extraByteCount = UInt64(try head.bigEndian(UInt32.self, at: 36))
        var virtualByteCount = header.virtualByteCount
        if extraByteCount >= 16 {
            let extra = try cursor.next(16)
            virtualByteCount = try extra.bigEndian(UInt64.self, at: 8)
            try cursor.skip(extraByteCount - 16)
        } else {
            try cursor.skip(extraByteCount)
        }
        let identifier = try cursor.next(Int(try head.bigEndian(UInt16.self, at: 12))).bytes
        let name = try cursor.next(Int(try head.bigEndian(UInt16.self, at: 14))).bytes
        cursor.pad()
        return StoredEntry(
            name: name, identifier: identifier, creationTime: try head.bigEndian(UInt32.self, at: 16),
            virtualByteCount: virtualByteCount, firstLevelOffset: try head.bigEndian(UInt64.self, at: 0),
            storedEntryCount: UInt64(try head.bigEndian(UInt32.self, at: 8)),
            neededEntryCount: header.geometry.firstLevelEntryCount(for: virtualByteCount))
    }
}
