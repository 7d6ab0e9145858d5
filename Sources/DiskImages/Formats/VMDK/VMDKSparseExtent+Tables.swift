// How grain tables are read, and what tells that one of them is right.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension VMDKSparseExtent {
    /// A grain table's place.
    struct GrainTable {
        let number: Int
        /// In bytes of the image file.
        let offset: UInt64
        /// Where the copy is, in bytes of the image file; 0 where there is none.
        let copyOffset: UInt64
        /// Entries that are the disk's; the last table may have fewer.
        let entryCount: Int
        /// Those of them that are in the file, which can end inside a table.
        let presentEntryCount: Int

        var byteCount: Int { presentEntryCount * 4 }
    }

    /// Table and copy are one read where no more than this lies between their starts, in bytes.
    private static let joinedReadByteCount: UInt64 = 64 << 10
    /// How much of tables that lie side by side is read at once, in bytes.
    private static let walkByteCount = 1 << 20

    func table(_ number: Int, at sector: UInt32, copy: UInt32) -> GrainTable {
        let offset = UInt64(sector) * 512
        let count = map.entryCount(ofTable: number)
        let room = (fileByteCount - min(fileByteCount, offset)) / 4
        return GrainTable(
            number: number, offset: offset, copyOffset: UInt64(copy) * 512, entryCount: count,
            presentEntryCount: Int(min(UInt64(count), room)))
    }

    /// Calls `body` with the entries of a table, as far as the file has them.
    /// - Throws: `ReadError.corrupt` or `.refused` where the table is not what it should be.
    func withEntries<Result>(
        of table: GrainTable, _ body: (RawSpan) throws(ReadError) -> Result
    ) throws(ReadError) -> Result {
        try tables.withTable(
            UInt64(table.number), byteCount: table.byteCount,
            load: { source, output throws(ReadError) in try load(table, from: source, into: &output) },
            body: body)
    }

    private func load(
        _ table: GrainTable, from source: any ByteSource, into output: inout OutputRawSpan
    ) throws(ReadError) {
        if hasTableMarkers {
            try loadBehindMarker(table, from: source, into: &output)
        } else if table.copyOffset != 0 {
            try loadAndCompare(table, from: source, into: &output)
        } else {
            try source.read(table.byteCount, at: table.offset, into: &output)
        }
    }

    /// In a stream with a footer, a marker before each table says that it is one.
    private func loadBehindMarker(
        _ table: GrainTable, from source: any ByteSource, into output: inout OutputRawSpan
    ) throws(ReadError) {
        let record = try source.record(
            name(of: table), byteCount: 512 + table.byteCount, at: table.offset - 512)
        try record.checkMarker(.grainTable, of: 4 << layout.tableShift)
        let bytes = record.bytes
        let span = bytes.span
        // SAFETY: bytes have no padding.
        let raw = unsafe span.bytes
        output.append(copying: raw.extracting(512...))
    }

    /// Where table and copy differ, one of them is wrong, and nothing tells which. Where one of them cannot be read, the
    /// other one is what there is.
    private func loadAndCompare(
        _ table: GrainTable, from source: any ByteSource, into output: inout OutputRawSpan
    ) throws(ReadError) {
        let (first, copy) = try tableAndCopy(table, from: source)
        if let copy, let index = zip(first, copy).enumerated().first(where: { $1.0 != $1.1 })?.offset {
            throw .refused(
                record: name(of: table), offset: table.offset + UInt64(index / 4 * 4),
                reason:
                    "the table and its copy at byte \(table.copyOffset) differ from entry \(index / 4) on",
                remedy: .lenient)
        }
        let bytes = Array(first)
        let span = bytes.span
        // SAFETY: bytes have no padding.
        output.append(copying: unsafe span.bytes)
    }

    /// Both, or the one that can be read; the first one alone where they are not to be compared.
    private func tableAndCopy(
        _ table: GrainTable, from source: any ByteSource
    ) throws(ReadError) -> (ArraySlice<UInt8>, copy: ArraySlice<UInt8>?) {
        let start = min(table.offset, table.copyOffset)
        let distance = max(table.offset, table.copyOffset) - start
        if map.comparesCopies, distance <= Self.joinedReadByteCount {
            do throws(ReadError) {
                let both = try source.bytes(Int(distance) + table.byteCount, at: start)
                return (
                    both[Int(table.offset - start)...].prefix(table.byteCount),
                    both[Int(table.copyOffset - start)...].prefix(table.byteCount)
                )
            } catch {
                // One of the two may be readable, or both and not what is between them.
                guard error.isOfTheBytes else { throw error }
            }
        }
        let first: ArraySlice<UInt8>
        do throws(ReadError) {
            first = try source.bytes(table.byteCount, at: table.offset)[...]
        } catch {
            guard error.isOfTheBytes, let copy = try readCopy(of: table, from: source) else { throw error }
            return (copy[...], nil)
        }
        return (first, map.comparesCopies ? try readCopy(of: table, from: source)?[...] : nil)
    }

    /// The copy of a table; nil where it is damaged.
    private func readCopy(
        of table: GrainTable, from source: any ByteSource
    ) throws(ReadError) -> [UInt8]? {
        do throws(ReadError) {
            return try source.bytes(table.byteCount, at: table.copyOffset)
        } catch {
            guard error.isOfTheBytes else { throw error }
            return nil
        }
    }

    func name(of table: GrainTable) -> String { "grain table \(table.number) of \(imageName)" }

    /// Calls `body` with each table that is in the file and what it says, in the order of their places. Tables that
    /// lie side by side are read at once with `read`, which takes a count and an offset; nothing is compared, and where a
    /// table cannot be read, its copy is, where there is one. The first `doneCount` of them are left out; `isPaid` is as in
    /// `TableMap.withStoredTables`. Tables that cannot be read go to `unreadable`, which may throw the error.
    func forEachTable(
        after doneCount: Int = 0, isPaid: Bool = false,
        reading read: (Int, UInt64) throws(ReadError) -> [UInt8],
        unreadable: (GrainTable, ReadError) throws(ReadError) -> Void = { _, error throws(ReadError) in
            throw error
        },
        _ body: (GrainTable, RawSpan) throws(ReadError) -> Void
    ) throws(ReadError) {
        try map.withStoredTables(isPaid: isPaid) { tables throws(ReadError) in
            var run: [GrainTable] = []
            var runEnd: UInt64 = 0
            for (number, sector) in tables.dropFirst(doneCount) {
                let table = table(number, at: sector, copy: 0)
                if let first = run.first,
                    table.offset != runEnd || table.offset - first.offset > UInt64(Self.walkByteCount)
                {
                    try walk(run, reading: read, unreadable: unreadable, body)
                    run.removeAll(keepingCapacity: true)
                }
                run.append(table)
                runEnd = table.offset + UInt64(max(512, 4 << layout.tableShift))
            }
            try walk(run, reading: read, unreadable: unreadable, body)
        }
    }

    private func walk(
        _ run: [GrainTable], reading read: (Int, UInt64) throws(ReadError) -> [UInt8],
        unreadable: (GrainTable, ReadError) throws(ReadError) -> Void,
        _ body: (GrainTable, RawSpan) throws(ReadError) -> Void
    ) throws(ReadError) {
        guard let first = run.first, let last = run.last else { return }
        let bytes: [UInt8]
        do throws(ReadError) {
            bytes = try read(Int(last.offset - first.offset) + last.byteCount, first.offset)
        } catch {
            guard error.isOfTheBytes else { throw error }
            for table in run { try visit(table, reading: read, unreadable: unreadable, body) }
            return
        }
        // SAFETY: bytes have no padding.
        let span = unsafe bytes.span.bytes
        for table in run {
            let start = Int(table.offset - first.offset)
            try body(table, span.extracting(start..<(start + table.byteCount)))
        }
    }

    /// A table that is read alone, or its copy.
    private func visit(
        _ table: GrainTable, reading read: (Int, UInt64) throws(ReadError) -> [UInt8],
        unreadable: (GrainTable, ReadError) throws(ReadError) -> Void,
        _ body: (GrainTable, RawSpan) throws(ReadError) -> Void
    ) throws(ReadError) {
        let bytes: [UInt8]
        do throws(ReadError) {
            bytes = try read(table.byteCount, table.offset)
        } catch {
            guard error.isOfTheBytes else { throw error }
            guard let copy = try readCopy(of: table, read) else { return try unreadable(table, error) }
            return try Self.hand(copy, of: table, to: body)
        }
        try Self.hand(bytes, of: table, to: body)
    }

    private static func hand(
        _ bytes: [UInt8], of table: GrainTable, to body: (GrainTable, RawSpan) throws(ReadError) -> Void
    ) throws(ReadError) {
        let span = bytes.span
        // SAFETY: bytes have no padding.
        try body(table, unsafe span.bytes)
    }

    private func readCopy(
        of table: GrainTable, _ read: (Int, UInt64) throws(ReadError) -> [UInt8]
    ) throws(ReadError) -> [UInt8]? {
        guard case .table(_, let copy) = map.lookUp(table.number), copy != 0 else { return nil }
        do throws(ReadError) {
            return try read(table.byteCount, UInt64(copy) * 512)
        } catch {
            guard error.isOfTheBytes else { throw error }
            return nil
        }
    }
}
