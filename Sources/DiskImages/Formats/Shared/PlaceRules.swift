// Where in an image file the guest's data can be: the checks of a place that a table names.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The rules that every format has for the places that its tables name: inside the file, after the header, and on no
/// record that describes the image. A format makes one when it opens and asks it for each place, so that it forgets none
/// of them; that two places do not overlap is `PlaceMap`'s part.
struct PlaceRules {
    /// Length of the image file, in bytes.
    let fileByteCount: UInt64
    /// The first byte that data may start at.
    let dataStart: UInt64
    /// Records after `dataStart`.
    private let taken: TakenRanges
    /// Where tables after `dataStart` start, ascending; nearly always there are none.
    private let tableStarts: [UInt64]
    private let tableByteCount: UInt64
    /// Keeps what the places of the tables take.
    private let share: BudgetShare?

    /// Whether all that describes the image lies before the data, so that its start is all there is to check.
    var areRecordsInFront: Bool { taken.isEmpty && tableStarts.isEmpty }

    /// Why a place cannot be right.
    enum Problem: Equatable {
        case pastTheEnd(UInt64)
        case beforeData(UInt64)
        case onRecord(String)
    }

    /// - Parameters:
    ///   - fileByteCount: Length of the image file.
    ///   - dataStart: The first byte that data may start at.
    ///   - records: What lies where, of what describes the image.
    ///   - tableStarts: Where tables of `tableByteCount` bytes each start, in any order.
    ///   - tableByteCount: The length of each of those tables, in bytes.
    ///   - share: What `tableStarts` were taken from; kept as long as they are.
    init(
        fileByteCount: UInt64, dataStart: UInt64 = 0, records: [TakenRanges.Record] = [],
        tableStarts: [UInt64] = [], tableByteCount: UInt64 = 0, share: BudgetShare? = nil
    ) {
        self.fileByteCount = fileByteCount
        self.dataStart = dataStart
        taken = TakenRanges(records).behind(dataStart)
        self.tableStarts = tableStarts.filter { $0 + tableByteCount > dataStart }.radixSorted()
        self.tableByteCount = tableByteCount
        self.share = share
    }

    private init(
        _ fileByteCount: UInt64, _ dataStart: UInt64, _ taken: TakenRanges, tableStarts: [UInt64],
        _ tableByteCount: UInt64, _ share: BudgetShare?
    ) {
        self.fileByteCount = fileByteCount
        self.dataStart = dataStart
        self.taken = taken
        self.tableStarts = tableStarts
        self.tableByteCount = tableByteCount
        self.share = share
    }

    /// The same rules, and `records` that are taken, too.
    func adding(_ records: [TakenRanges.Record]) -> PlaceRules {
        PlaceRules(
            fileByteCount, dataStart, taken.adding(records).behind(dataStart), tableStarts: tableStarts,
            tableByteCount, share)
    }

    /// The same rules, for what may be one of the tables.
    var forTables: PlaceRules {
        PlaceRules(fileByteCount, dataStart, taken, tableStarts: [], 0, nil)
    }

    /// What is wrong with the place of `byteCount` bytes at byte `start`; nil where nothing is.
    func problem(at start: UInt64, byteCount: UInt64) -> Problem? {
        guard start <= fileByteCount, byteCount <= fileByteCount - start else {
            return .pastTheEnd(fileByteCount)
        }
        guard start >= dataStart else { return .beforeData(dataStart) }
        guard !areRecordsInFront else { return nil }
        let end = start + max(1, byteCount)
        if let name = taken.name(on: start..<end) { return .onRecord(name) }
        return isOnTable(start, end) ? .onRecord("a table") : nil
    }

    private func isOnTable(_ start: UInt64, _ end: UInt64) -> Bool {
        let next = tableStarts.partitionPoint { $0 < end }
        // The last table that starts before the place's end.
        return next > 0 && tableStarts[next - 1] + tableByteCount > start
    }
}

extension PlaceRules.Problem {
    /// The problem in words, where the format calls what it stores a `noun`: "grain", "cluster", "block".
    func text(of noun: String) -> String {
        switch self {
        case .pastTheEnd(let end): "the file ends at byte \(end), before the \(noun) does"
        case .beforeData(let start): "it lies before the first \(noun), at byte \(start)"
        case .onRecord(let name): "it lies on \(name)"
        }
    }
}
