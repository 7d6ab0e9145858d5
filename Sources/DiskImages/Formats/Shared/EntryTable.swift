// A table of places: the one of a format that maps blocks straight to the file, or the first level of qcow.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Entries of one table. A table of up to 32 MiB is held in memory; a larger one is read in pages, through the cache.
struct EntryTable: Sendable {
    /// What errors call the table, such as "block map of disk.vdi".
    var name: String { "\(recordName) of \(imageName)" }
    /// The same without the image.
    let recordName: String
    private let imageName: String
    /// Where the table starts in the image file, in bytes.
    let offset: UInt64
    /// How many entries the disk needs.
    let entryCount: UInt64
    /// How many of them the file has: fewer where it ends inside the table.
    let presentEntryCount: UInt64
    private let encoding: Encoding
    private let fileByteCount: UInt64
    private let held: OnDiskRecord?
    private let pages: TableCache
    private let numbering: Numbering
    /// Keeps what the entries take.
    private let share: BudgetShare

    /// How an entry is stored.
    enum Encoding: Sendable {
        case littleEndian32
        case bigEndian32
        case littleEndian64
        case bigEndian64

        var byteCount: UInt64 {
            switch self {
            case .littleEndian32, .bigEndian32: 4
            case .littleEndian64, .bigEndian64: 8
            }
        }
    }

    /// What the pages of a table that is not held are called in `TableCache`.
    enum Numbering: Sendable {
        /// From 0 on: an image has one such table, and indices from 2^32 on for others.
        case ofTable
        /// What `index` makes of a page's place in the file, so that tables which share a page find the same.
        case ofFile(index: @Sendable (UInt64) -> UInt64)
    }

    /// The largest table that is held, in bytes.
    static let heldByteCountLimit: UInt64 = 32 << 20
    static let pageByteCount: UInt64 = 64 << 10

    /// The table of `entryCount` entries at byte `offset` of the image file.
    /// - Throws: `ReadError.corrupt` where none of it is in the file, it is larger than the whole file, or lies on one of
    ///   `records`; `ReadError.overBudget` where there is no memory left for it.
    init(
        named name: String, at offset: UInt64, entryCount: UInt64, encoding: Encoding,
        by reader: OpeningReader, besides records: [TakenRanges.Record] = [],
        pages: TableCache, budget: OpeningBudget
    ) throws(ReadError) {
        let fullName = "\(name) of \(reader.imageName)"
        let byteCount = try entryCount.multiplied(by: encoding.byteCount, in: fullName, at: offset)
        guard byteCount <= reader.byteCount else {
            throw .corrupt(
                record: fullName, offset: offset,
                reason: "the disk needs \(byteCount) bytes of it, and the whole file has \(reader.byteCount)")
        }
        let inFile = min(byteCount, reader.byteCount - min(offset, reader.byteCount))
        guard inFile >= encoding.byteCount || entryCount == 0 else {
            throw .corrupt(
                record: fullName, offset: offset,
                reason: "\(byteCount) bytes are expected here, and the file ends at byte \(reader.byteCount)")
        }
        if inFile > 0, let name = TakenRanges(records).name(on: offset..<(offset + inFile)) {
            throw .corrupt(record: fullName, offset: offset, reason: "it lies on \(name)")
        }
        try self.init(
            found: name, at: offset, entryCount: entryCount, encoding: encoding, by: reader, pages: pages,
            budget: budget)
    }

    /// A table whose place and length, below 2^63 bytes, were looked at already; one that `mayBeHeld` is held up to 32 MiB.
    /// - Throws: `ReadError.overBudget` where there is no memory left for it.
    init(
        found name: String, at offset: UInt64, entryCount: UInt64, encoding: Encoding,
        by reader: OpeningReader, pages: TableCache, budget: OpeningBudget, mayBeHeld: Bool = true,
        numbering: Numbering = .ofTable
    ) throws(ReadError) {
        recordName = name
        imageName = reader.imageName
        self.offset = offset
        self.entryCount = entryCount
        self.encoding = encoding
        self.pages = pages
        self.numbering = numbering
        fileByteCount = reader.byteCount
        share = BudgetShare(of: budget)
        let inFile = min(
            entryCount * encoding.byteCount, reader.byteCount - min(offset, reader.byteCount))
        presentEntryCount = inFile / encoding.byteCount
        guard mayBeHeld, inFile <= Self.heldByteCountLimit else {
            held = nil
            return
        }
        try share.take(inFile, for: "\(name) of \(reader.imageName)")
        held =
            inFile == 0
            ? OnDiskRecord([], named: name, at: offset)
            : try reader.record(name, byteCount: Int(inFile), at: offset)
    }

    /// Where the table would end in a file that has all of it that the disk needs.
    var neededEnd: UInt64 { entryCount == 0 ? 0 : offset + entryCount * encoding.byteCount }
    /// Where the table is in the file, as far as that has it.
    var range: Range<UInt64> { offset..<(offset + presentEntryCount * encoding.byteCount) }
    /// Whether looking at every entry costs no reading.
    var isHeld: Bool { held != nil }

    /// Entry `index`, which is below `presentEntryCount`.
    func entry(_ index: UInt64) throws(ReadError) -> UInt64 {
        let position = index * encoding.byteCount
        if let held {
            // SAFETY: bytes have no padding.
            return decode(unsafe held.bytes.span.bytes, Int(position))
        }
        return try withPage(of: position) { page, start in decode(page, Int(position - start)) }
    }

    /// The first index from `start` on whose entry `condition`, called with index and entry, does not hold for: `limit`
    /// where there is none, which is above `start` and at most `presentEntryCount`, or the end of a page.
    func end(
        ofRunFrom start: UInt64, below limit: UInt64, where condition: (UInt64, UInt64) -> Bool
    ) throws(ReadError) -> UInt64 {
        if let held {
            // SAFETY: bytes have no padding.
            return end(from: start, below: limit, in: unsafe held.bytes.span.bytes, at: 0, condition)
        }
        return try withPage(of: start * encoding.byteCount) { page, pageStart in
            let pageEnd = (pageStart + UInt64(page.byteCount)) / encoding.byteCount
            return end(from: start, below: min(limit, pageEnd), in: page, at: pageStart, condition)
        }
    }

    /// `bytes` start at byte `bytesStart` of the table.
    private func end(
        from start: UInt64, below limit: UInt64, in bytes: RawSpan, at bytesStart: UInt64,
        _ condition: (UInt64, UInt64) -> Bool
    ) -> UInt64 {
        var index = start
        while index < limit, condition(index, decode(bytes, Int(index * encoding.byteCount - bytesStart))) {
            index += 1
        }
        return index
    }

    /// Calls `body` with index and entry of each one that is in the file and not 0.
    func forEachEntry(_ body: (UInt64, UInt64) throws(ReadError) -> Void) throws(ReadError) {
        var index: UInt64 = 0
        while index < presentEntryCount {
            try PatientRead.checkCancellation()
            if let held {
                // SAFETY: bytes have no padding.
                index = try forEachEntry(from: index, in: unsafe held.bytes.span.bytes, at: 0, body)
                continue
            }
            index = try withPage(of: index * encoding.byteCount) { page, start throws(ReadError) in
                try forEachEntry(from: index, in: page, at: start, body)
            }
        }
    }

    /// `bytes` start at byte `bytesStart` of the table.
    /// - Returns: The first index behind them, or behind the table.
    private func forEachEntry(
        from start: UInt64, in bytes: RawSpan, at bytesStart: UInt64,
        _ body: (UInt64, UInt64) throws(ReadError) -> Void
    ) throws(ReadError) -> UInt64 {
        let end = min(presentEntryCount, (bytesStart + UInt64(bytes.byteCount)) / encoding.byteCount)
        for index in start..<end {
            let entry = decode(bytes, Int(index * encoding.byteCount - bytesStart))
            if entry != 0 { try body(index, entry) }
        }
        return end
    }

    /// Calls `body` with the page that holds byte `position` of the table, and the byte at which that starts.
    private func withPage<Result>(
        of position: UInt64, _ body: (RawSpan, UInt64) throws(ReadError) -> Result
    ) throws(ReadError) -> Result {
        let number = position / Self.pageByteCount
        let start = number * Self.pageByteCount
        let place = offset + start
        let (index, byteCount): (UInt64, UInt64) =
            switch numbering {
            case .ofTable: (number, range.upperBound - place)
            // By its place alone, whichever table it is read for.
            case .ofFile(let index):
                (index(place), (fileByteCount - place) / encoding.byteCount * encoding.byteCount)
            }
        return try pages.withTable(index, byteCount: Int(min(Self.pageByteCount, byteCount)), at: place) {
            page throws(ReadError) in
            try body(page, start)
        }
    }

    /// The error for entry `index`, below `entryCount`, which breaks a rule or is missing.
    func damage(ofEntry index: UInt64, _ reason: String) -> ReadError {
        .corrupt(record: name, offset: offset + index * encoding.byteCount, reason: reason)
    }

    /// Where entries `first ... last` are in the file, as far as that has them.
    func place(ofEntries first: UInt64, through last: UInt64) -> Range<UInt64> {
        let end = min(last, max(presentEntryCount, 1) - 1) + 1
        return (offset + min(first, end) * encoding.byteCount)..<(offset + end * encoding.byteCount)
    }

    private func decode(_ bytes: RawSpan, _ position: Int) -> UInt64 {
        switch encoding {
        case .littleEndian32: UInt64(bytes.littleEndian(UInt32.self, at: position))
        case .bigEndian32: UInt64(bytes.littleEndian(UInt32.self, at: position).byteSwapped)
        case .littleEndian64: bytes.littleEndian(UInt64.self, at: position)
        case .bigEndian64: bytes.littleEndian(UInt64.self, at: position).byteSwapped
        }
    }
}
