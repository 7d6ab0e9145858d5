// What the table of snapshots of a qcow2 image says, before the snapshots are compared.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension QCOW2SnapshotTable {
    /// What reading the table from front to back found.
    struct Search {
        /// A snapshot that is right by itself.
        struct Candidate {
            let entry: Entry
            /// Where its entry is, in bytes of the file.
            let offset: UInt64
            /// Its table among `taken`; nil where it needs none.
            let place: Int?
        }

        let header: QCOW2Header
        let reader: OpeningReader
        let share: BudgetShare
        var candidates: [Candidate] = []
        /// The table itself, then first-level tables.
        var taken: [TakenRanges.Record] = []
        var count = 0
        var absentCount = 0
        /// Why the first of the absent ones is.
        var firstProblem: String?
        /// Why the table was not read to its end.
        var end: ReadError?
        /// Why none is kept, though their tables are known.
        var memoryProblem: ReadError?

        init(header: QCOW2Header, reader: OpeningReader, share: BudgetShare) {
            self.header = header
            self.reader = reader
            self.share = share
        }

        mutating func read(_ rules: PlaceRules) throws(ReadError) {
            let start = header.snapshotsOffset
            guard start & (header.geometry.clusterByteCount - 1) == 0, start > 0 else {
                throw .corrupt(
                    record: "qcow2 header of \(reader.imageName)", offset: 64,
                    reason: "the table of snapshots is at byte \(start), inside of a cluster")
            }
            var cursor = Cursor(reader, at: start, atMost: QCOW2SnapshotTable.byteCountLimit)
            let tableRules = rules.forTables
            for _ in 0..<header.snapshotCount {
                let offset = cursor.position
                let entry = try QCOW2SnapshotTable.entry(&cursor, header)
                let table: TakenRanges.Record = ("the table of snapshots", start..<cursor.position)
                if taken.isEmpty { taken.append(table) } else { taken[0] = table }
                count += 1
                try add(entry, at: offset, rules, tableRules)
            }
        }

        private mutating func add(
            _ stored: StoredEntry, at offset: UInt64, _ rules: PlaceRules, _ tableRules: PlaceRules
        ) throws(ReadError) {
            try takeMemory(for: stored)
            var place: Int?
            let range = stored.firstLevel(in: header, reader.byteCount)
            if !range.isEmpty, range.lowerBound & (header.geometry.clusterByteCount - 1) == 0,
                tableRules.problem(at: range.lowerBound, byteCount: range.upperBound - range.lowerBound)
                    == nil
            {
                place = taken.count
                taken.append(("the first-level table of a snapshot", range))
            }
            if let problem = stored.problem(header, rules, range) {
                absentCount += 1
                firstProblem = firstProblem ?? "number \(count), at byte \(offset): \(problem)"
            } else if memoryProblem == nil {
                candidates.append(Candidate(entry: stored.snapshot, offset: offset, place: place))
            }
        }

        private mutating func takeMemory(for stored: StoredEntry) throws(ReadError) {
            let purpose = "snapshots of \(reader.imageName)"
            if memoryProblem == nil {
                do throws(ReadError) {
                    return try share.take(
                        QCOW2SnapshotTable.snapshotByteCount
                            + UInt64(stored.name.count + stored.identifier.count), for: purpose)
                } catch {
                    guard case .overBudget = error else { throw error }
                    memoryProblem = error
                    candidates = []
                    share.giveBack(share.takenByteCount)
                    try share.take(UInt64(taken.count) * TakenRanges.recordByteCount, for: purpose)
                }
            }
            // Where their tables are has to be known all the same.
            try share.take(TakenRanges.recordByteCount, for: purpose)
        }
    }

    /// An entry as it is stored.
    struct StoredEntry {
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

        /// Where its first-level table is, in bytes of the file, with the entries that it does not need; empty where nothing
        /// of it is in the file.
        func firstLevel(in header: QCOW2Header, _ fileByteCount: UInt64) -> Range<UInt64> {
            header.geometry.firstLevel(
                at: firstLevelOffset, entryCount: storedEntryCount, for: virtualByteCount,
                inFileOf: fileByteCount)
        }

        /// Why it cannot be read, with a first-level table that takes `range`; nil where it can.
        func problem(_ header: QCOW2Header, _ rules: PlaceRules, _ range: Range<UInt64>) -> String? {
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
            let problem =
                rules.problem(at: firstLevelOffset, byteCount: neededEntryCount * 8)
                ?? rules.problem(at: range.lowerBound, byteCount: range.upperBound - range.lowerBound)
            return problem.map {
                "its first-level table is at byte \(firstLevelOffset): \($0.text(of: "table"))"
            }
        }
    }

    static func entry(
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
