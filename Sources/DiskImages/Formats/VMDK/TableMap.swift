// From a table's number to the table that is read, where an image may have its directory twice.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Which table is read for each part of the disk. An image with a redundant directory has each table twice: where one of
/// the two cannot be right, the other one is read; where both can, they have to be the same.
struct TableMap {
    /// What stands for a part of the disk.
    enum Lookup: Equatable {
        /// Nothing was ever written there.
        case absent
        /// The table at sector `at`, which is the same as the one at sector `copy`, unless that is 0.
        case table(at: UInt32, copy: UInt32)
        /// `TableMap.damage(ofTable:)` says why.
        case damaged
    }

    let directory: GrainDirectory
    let redundant: GrainDirectory?
    /// How many entries of 0 a look-up joins into one hole.
    private static let maximumAbsentRun = 4_096

    /// Where the directories are, in bytes of the file.
    let records: [(name: String, range: Range<UInt64>)]
    /// Each directory's entries are judged by its own place: where that is wrong, nothing of the other's is.
    private let rules: PlaceRules
    private let redundantRules: PlaceRules
    private let overlaps: OverlappingPlaces
    private let redundantOverlaps: OverlappingPlaces
    let header: SparseExtentHeader
    let imageName: String
    private let isLenient: Bool
    /// What to do with each table, where that is not plain from the entries; empty where it is for all.
    private(set) var decisions: [Decision] = []
    /// Keeps what the decisions take.
    private var share: BudgetShare?
    let budget: OpeningBudget

    enum Decision: UInt8 {
        case usual
        case firstAlone
        case redundantAlone
        case damaged
    }

    /// What is questionable about the directories; one line each.
    private(set) var warnings: [String] = []

    init(
        _ directory: GrainDirectory, redundant: GrainDirectory?, header: SparseExtentHeader,
        reader: OpeningReader, options: DiskImageOpener.Options
    ) throws(ReadError) {
        self.directory = directory
        self.redundant = redundant
        self.header = header
        imageName = reader.imageName
        isLenient = options.lenient
        budget = options.budget
        records =
            [("the grain directory", directory.range)]
            + (redundant.map { [("the redundant grain directory", $0.range)] } ?? [])
        let dataStart = header.metadataEnd(inFileOf: reader.byteCount) * 512
        rules = PlaceRules(
            fileByteCount: reader.byteCount, dataStart: dataStart,
            records: [("the grain directory", directory.range)])
        redundantRules = PlaceRules(
            fileByteCount: reader.byteCount, dataStart: dataStart,
            records: redundant.map { [("the redundant grain directory", $0.range)] } ?? [])
        overlaps = try directory.overlaps(of: header, in: reader, options.budget)
        redundantOverlaps = try redundant?.overlaps(of: header, in: reader, options.budget) ?? .none
        try decide()
    }

    var count: Int { directory.count }

    func lookUp(_ number: Int) -> Lookup {
        let first = directory[number]
        if !decisions.isEmpty {
            switch decisions[number] {
            case .usual: break
            case .firstAlone: return .table(at: first, copy: 0)
            case .redundantAlone: return .table(at: redundant?[number] ?? 0, copy: 0)
            case .damaged: return .damaged
            }
        }
        guard first != 0 else { return .absent }
        let copy = redundant?[number] ?? 0
        return .table(at: first, copy: copy == first ? 0 : copy)
    }

    /// Whether a table has to be the same as its copy; leniently, the first one is used.
    var comparesCopies: Bool { !isLenient }

    /// The number of the first table at or after `number` that is not known to be absent, or where the search was given
    /// up.
    func endOfAbsent(from number: Int) -> Int {
        let limit = min(count, number + Self.maximumAbsentRun)
        var end = number
        while end < limit, directory[end] == 0, lookUp(end) == .absent { end += 1 }
        return end
    }

    /// Entries of table `number` that are the disk's; the last table may have fewer.
    func entryCount(ofTable number: Int) -> Int {
        let perTable = UInt64(header.entriesPerTable)
        return Int(min(perTable, header.grainCount - UInt64(number) * perTable))
    }

    private mutating func decide() throws(ReadError) {
        var firstCount = 0
        var redundantCount = 0
        var differing = 0
        for number in 0..<count {
            let decision = decision(ofTable: number)
            if decision == .usual, let redundant, (directory[number] == 0) != (redundant[number] == 0) {
                differing += 1
            }
            guard decision != .usual else { continue }
            if decisions.isEmpty {
                let share = BudgetShare(of: budget)
                try share.take(UInt64(count), for: "decisions about the grain tables of \(imageName)")
                self.share = share
                decisions = Array(repeating: .usual, count: count)
            }
            decisions[number] = decision
            if decision == .firstAlone { redundantCount += 1 }
            if decision == .redundantAlone { firstCount += 1 }
        }
        warn(
            of: firstCount,
            "the grain directory cannot be right; the redundant one's tables are used for them")
        warn(of: redundantCount, "the redundant grain directory cannot be right; the first one's are used")
        warn(of: differing, "the two grain directories differ in what is zeros; the first one is used")
    }

    private mutating func warn(of count: Int, _ text: String) {
        guard count > 0 else { return }
        warnings.append("\(count) of \(self.count) entries of \(text)")
    }

    private func decision(ofTable number: Int) -> Decision {
        let first = directory[number]
        let firstProblem = first == 0 ? nil : problem(first, rules, overlaps, number)
        guard let redundant else {
            return firstProblem == nil || isTruncated(firstProblem, first) ? .usual : .damaged
        }
        let second = redundant[number]
        guard first != 0, second != 0 else {
            // The one says zeros, the other a place: leniently, the first one is believed.
            return first == second || (isLenient && firstProblem == nil) ? .usual : .damaged
        }
        switch (firstProblem, problem(second, redundantRules, redundantOverlaps, number)) {
        case (nil, nil): return .usual
        case (nil, _): return .firstAlone
        case (_, nil): return .redundantAlone
        default: return isTruncated(firstProblem, first) ? .firstAlone : .damaged
        }
    }

    /// Whether all that is wrong with a table is that the file ends inside it.
    private func isTruncated(_ problem: Problem?, _ sector: UInt32) -> Bool {
        guard case .place(.pastTheEnd(let end)) = problem else { return false }
        return UInt64(sector) * 512 + 4 <= end
    }

    private enum Problem {
        case place(PlaceRules.Problem)
        case overlap
    }

    private func problem(
        _ sector: UInt32, _ rules: PlaceRules, _ overlaps: OverlappingPlaces, _ number: Int
    ) -> Problem? {
        let start = UInt64(sector) * 512
        if overlaps.contains(start) { return .overlap }
        return rules.problem(at: start, byteCount: UInt64(entryCount(ofTable: number)) * 4).map { .place($0) }
    }

    /// Why table `number` cannot be read.
    func damage(ofTable number: Int) -> ReadError {
        let first = directory[number]
        let second = redundant?[number] ?? 0
        let reason =
            switch problem(first, rules, overlaps, number) {
            case _ where redundant != nil && (first == 0) != (second == 0):
                "the grain directory names sector \(first), the redundant one \(second)"
            case .overlap: "its directory entry names the place of another table, too"
            case .place(.pastTheEnd(let end)):
                "its directory entry places \(entryCount(ofTable: number) * 4) bytes here, and the file ends at "
                    + "byte \(end)"
            case .place(.beforeData): "its directory entry points into the header or the descriptor"
            case .place(.onRecord(let name)): "its directory entry points into \(name)"
            case nil: "its directory entry cannot be right"
            }
        let firstSector = UInt64(number) * UInt64(header.entriesPerTable) * header.grainSize
        return .corrupt(
            record: "grain table \(number) of \(imageName)", offset: UInt64(first) * 512,
            reason: "\(reason) (guest data from LBA \(firstSector) on)")
    }
}
