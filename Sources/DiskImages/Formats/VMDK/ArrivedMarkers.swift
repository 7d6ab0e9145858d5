// What the markers of a stream say, as far as the stream has come.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A walk along the markers of a stream whose end has not come. Each marker is looked at once, when someone wants to know
/// more than is known; no lock is held while bytes are waited for. What was found is believed as long as the stream is what a
/// writer makes who goes through the disk once: grains in the order of the disk, and a table behind its grains. From the
/// first marker on that is not like that, nothing is answered any more.
final class ArrivedMarkers: Sendable {
    /// What was found, and the memory that it takes.
    struct Found: Sendable {
        var grains = MarkedPlaces()
        /// Tables whose grains say which part of the disk they are for.
        var tables = MarkedPlaces()
        /// What the last grain takes, marker and data, in bytes.
        fileprivate(set) var lastGrainByteCount: UInt64 = 0
        fileprivate var isTrusted = true
        fileprivate let share: BudgetShare
    }

    enum Answer {
        case grain(atSector: UInt32, storedByteCountLimit: UInt64)
        /// The table of the grain, which is none of those that came.
        case table(atSector: UInt32)
        case unknown
    }

    enum Progress {
        case advanced
        /// The walk goes on with these bytes of the file, which have not come.
        case lacks(Range<UInt64>)
        /// Nothing more is found by markers.
        case ended
    }

    /// Where the walk is; used by the holder of `lock` only.
    private struct Cursor {
        var sector: UInt64
        /// Whether a table starts here, and not a marker.
        var isAtTable = false
        var hasEnded = false
    }

    /// What is looked at by one call, in markers and sectors of tables: some milliseconds at most, and less for a thread that
    /// may not wait.
    private static let mostWork = 4_096
    private static let leastWork = 256

    private let source: any ByteSource
    private let imageName: String
    private let header: SparseExtentHeader
    private let budget: OpeningBudget
    private let lock = LoadingLock()
    private let cursor: SleepingMutex<Cursor>
    /// Nil where it was closed.
    private let found: SleepingMutex<Found?>

    private var entriesPerTable: UInt64 { UInt64(header.entriesPerTable) }

    /// A walk through the file that `reader` reads, whose grains have numbers below 2^32.
    init(_ header: SparseExtentHeader, _ reader: OpeningReader, _ budget: OpeningBudget) {
        source = reader.source
        imageName = reader.imageName
        self.header = header
        self.budget = budget
        cursor = SleepingMutex(Cursor(sector: header.dataStart(inFileOf: reader.byteCount)))
        found = SleepingMutex(Found(share: BudgetShare(of: budget)))
    }

    /// What is known of grain `number`.
    func lookUp(_ number: UInt64) -> Answer {
        guard let grain = UInt32(exactly: number) else { return .unknown }
        return found.withLock { found in
            guard let found, found.isTrusted else { return .unknown }
            if let position = found.grains.position(of: grain) {
                let sector = found.grains[position].sector
                let limit =
                    position + 1 < found.grains.count
                    ? UInt64(found.grains[position + 1].sector - sector) * 512 : found.lastGrainByteCount
                return .grain(atSector: sector, storedByteCountLimit: limit)
            }
            let table = found.tables.position(of: UInt32(number / entriesPerTable))
            return table.map { .table(atSector: found.tables[$0].sector) } ?? .unknown
        }
    }

    /// The number of the first table behind `table` that has come; nil where there is none.
    func table(after table: UInt64) -> UInt64? {
        found.withLock { found in
            guard let found, found.isTrusted, let table = UInt32(exactly: table) else { return nil }
            return found.tables.first(after: table).map { UInt64($0.number) }
        }
    }

    /// Ends the walk.
    /// - Returns: What was found, whether or not it is believed; nil where it was taken before.
    func close() -> Found? {
        found.withLock { found in
            defer { found = nil }
            return found
        }
    }

    /// Goes on through what has come.
    /// - Throws: what reading throws, and `ReadError.wouldWait` where this thread may not wait for another one's walk.
    func advance() throws(ReadError) -> Progress {
        try lock.acquire()
        defer { lock.release() }
        var cursor = cursor.withLock { $0 }
        defer { self.cursor.withLock { $0 = cursor } }
        var work = Patience.current == .waits ? Self.mostWork : Self.leastWork
        while work > 0 {
            guard !cursor.hasEnded else { return .ended }
            // No overflow: the sector is inside the file, or next to what was.
            let start = cursor.sector * 512
            let byteCount = cursor.isAtTable ? Int(header.entriesPerTable) * 4 : StreamMarker.byteCount
            guard start <= source.byteCount, UInt64(byteCount) <= source.byteCount - start else {
                distrust(&cursor)
                continue
            }
            let range = start..<(start + UInt64(byteCount))
            guard source.isAtHand(range) else { return .lacks(range) }
            let record = try source.record("stream of \(imageName)", byteCount: byteCount, at: start)
            if cursor.isAtTable { try takeTable(record, &cursor) } else { try takeMarker(record, &cursor) }
            work -= 1 + byteCount / 512
        }
        return .advanced
    }

    /// Nothing is answered any more: what was found waits for the directory.
    private func distrust(_ cursor: inout Cursor) {
        cursor.hasEnded = true
        found.withLock { $0?.isTrusted = false }
    }

    private func takeMarker(_ record: OnDiskRecord, _ cursor: inout Cursor) throws(ReadError) {
        guard let marker = try StreamMarker(parsing: record, at: cursor.sector, of: header),
            marker.byteCount <= source.byteCount - record.sourceOffset
        else { return distrust(&cursor) }
        switch marker.kind {
        case .grain(let number): takeGrain(number, marker, &cursor)
        case .grainTable:
            cursor.isAtTable = true
            cursor.sector += 1
            return
        case .unspecified: break
        case .grainDirectory, .footer, .endOfStream: cursor.hasEnded = true
        }
        cursor.sector += (marker.byteCount + 511) / 512
    }

    private func takeGrain(_ number: UInt64, _ marker: StreamMarker, _ cursor: inout Cursor) {
        guard let grain = UInt32(exactly: number), let sector = UInt32(exactly: cursor.sector) else {
            return distrust(&cursor)
        }
        let table = number / entriesPerTable
        let outcome: Outcome = found.withLock { found in
            guard found != nil else { return .full }
            if let last = found?.grains.last, last.number >= grain { return .disorder }
            if let last = found?.tables.last, UInt64(last.number) >= table { return .disorder }
            guard takeMemory(for: found?.grains, found?.share) else { return .full }
            found?.grains.append(MarkedPlaces.Place(number: grain, sector: sector))
            found?.lastGrainByteCount = marker.byteCount
            return .taken
        }
        finish(outcome, &cursor)
    }

    private enum Outcome {
        case taken
        case disorder
        case full
    }

    private func finish(_ outcome: Outcome, _ cursor: inout Cursor) {
        switch outcome {
        case .taken: break
        case .disorder: distrust(&cursor)
        case .full: cursor.hasEnded = true
        }
    }

    /// A table that comes behind the grains that it names. One that names none says nothing.
    private func takeTable(_ record: OnDiskRecord, _ cursor: inout Cursor) throws(ReadError) {
        let sector = cursor.sector
        cursor.isAtTable = false
        cursor.sector += header.tableByteCount / 512
        let grains = found.withLock { $0?.grains } ?? MarkedPlaces()
        switch try number(ofTable: record, among: grains) {
        case .none: break
        case .wrong: distrust(&cursor)
        case .known(let number):
            guard let number = UInt32(exactly: number), let sector = UInt32(exactly: sector) else {
                return distrust(&cursor)
            }
            let outcome: Outcome = found.withLock { found in
                guard found != nil else { return .full }
                if let last = found?.tables.last, last.number >= number { return .disorder }
                guard takeMemory(for: found?.tables, found?.share) else { return .full }
                found?.tables.append(MarkedPlaces.Place(number: number, sector: sector))
                return .taken
            }
            finish(outcome, &cursor)
        }
    }

    private enum TableNumber {
        case none
        case known(UInt64)
        case wrong
    }

    /// Which part of the disk a table is for: that of the grains that it leads to, which have to be all that came of that
    /// part, each of them in its place.
    private func number(
        ofTable record: OnDiskRecord, among grains: MarkedPlaces
    ) throws(ReadError) -> TableNumber {
        var number: UInt64?
        var position = 0
        for index in 0..<entriesPerTable {
            let entry = try record.littleEndian(UInt32.self, at: Int(index) * 4)
            guard entry > VMDKSparseExtent.lastZeroEntry else { continue }
            if number == nil {
                guard let first = grains.position(ofSector: entry) else { return .wrong }
                position = first
                let table = UInt64(grains[first].number) / entriesPerTable
                guard first == 0 || UInt64(grains[first - 1].number) / entriesPerTable < table else {
                    return .wrong
                }
                number = table
            }
            guard let number, position < grains.count, grains[position].sector == entry,
                UInt64(grains[position].number) == number * entriesPerTable + index
            else { return .wrong }
            position += 1
        }
        guard let number else { return .none }
        return position == grains.count || UInt64(grains[position].number) / entriesPerTable > number
            ? .known(number) : .wrong
    }

    /// Whether there is memory for one more of `places`: at most half of what opening may take, so that the directory finds
    /// some when it comes.
    private func takeMemory(for places: MarkedPlaces?, _ share: BudgetShare?) -> Bool {
        guard let places, let share, places.isFull else { return true }
        guard budget.usedByteCount + MarkedPlaces.pieceByteCount <= budget.byteLimit / 2 else { return false }
        return (try? share.take(MarkedPlaces.pieceByteCount, for: "places of grains of \(imageName)")) != nil
    }
}
