// Which tables of an image are read, and where they are.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension TableMap {
    /// Calls `body` with the tables that are read, in the order of their places in the file. Unless `isPaid` says that
    /// the caller took it, the list takes `listedTableByteCount` for each of them while `body` runs.
    /// - Throws: `ReadError.overBudget` where there is no memory for the list.
    func withStoredTables<Result>(
        isPaid: Bool = false, _ body: ([(number: Int, sector: UInt32)]) throws(ReadError) -> Result
    ) throws(ReadError) -> Result {
        let storedTableCount = storedTableCount
        let share = BudgetShare(of: budget)
        if !isPaid {
            // A directory has up to 2^24 entries: no overflow.
            try share.take(
                UInt64(storedTableCount) * Self.listedTableByteCount,
                for: "the list of the grain tables of \(imageName)")
        }
        defer { withExtendedLifetime(share) {} }
        var tables: [(number: Int, sector: UInt32)] = []
        tables.reserveCapacity(storedTableCount)
        for number in 0..<count {
            if case .table(let sector, _) = lookUp(number) { tables.append((number, sector)) }
        }
        tables.sort { ($0.sector, $0.number) < ($1.sector, $1.number) }
        return try body(tables)
    }

    /// What a table takes in a list that is sorted, in bytes.
    static let listedTableByteCount: UInt64 = 24

    /// How many tables are read.
    var storedTableCount: Int {
        (0..<count).reduce(0) { sum, number in
            if case .table = lookUp(number) { sum + 1 } else { sum }
        }
    }

    /// Where the tables that are read, and their copies, start, in bytes of the file and in no order: those that do not end
    /// before `dataStart`. What they take is taken from `share`: 8 bytes each for as long as they are kept, which is
    /// returned, too, and four times that while they are sorted.
    /// - Throws: `ReadError.overBudget` where there is no memory for them.
    func tableStarts(
        endingAfter dataStart: UInt64, _ share: BudgetShare
    ) throws(ReadError) -> (starts: [UInt64], keptByteCount: UInt64) {
        var count = 0
        forEachTableStart(endingAfter: dataStart) { _ in count += 1 }
        // Up to 2^25 of them: no overflow.
        let kept = UInt64(count) * 8
        try share.take(kept * 4, for: "the list of where the grain tables of \(imageName) start")
        var starts: [UInt64] = []
        starts.reserveCapacity(count)
        forEachTableStart(endingAfter: dataStart) { starts.append($0) }
        return (starts, kept)
    }

    private func forEachTableStart(endingAfter dataStart: UInt64, _ body: (UInt64) -> Void) {
        for number in 0..<count {
            guard case .table(let sector, _) = lookUp(number) else { continue }
            // A copy that is not compared is one all the same, unless it cannot be right.
            let copy = decisions.isEmpty || decisions[number] == .usual ? redundant?[number] ?? 0 : 0
            for place in [sector, copy == sector ? 0 : copy] where place != 0 {
                let start = UInt64(place) * 512
                if start + header.tableByteCount > dataStart { body(start) }
            }
        }
    }

    /// The tables that cannot be read.
    func damagedTables() -> some Collection<Int> {
        decisions.indices.lazy.filter { decisions[$0] == .damaged }
    }
}
