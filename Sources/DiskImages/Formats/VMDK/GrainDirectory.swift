// The grain directory of a VMDK: where its grain tables are.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The places of a disk's grain tables, held in memory: 128 KiB for a disk of 1 TiB.
///
/// Spec: VMware Virtual Disk Format 5.0, "Grain Directory".
struct GrainDirectory {
    /// The largest directory that is read.
    static let maximumByteCount: UInt64 = 64 << 20
    /// How much of a directory is read at once.
    private static let readByteCount: UInt64 = 1 << 20

    /// Where the directory starts, in bytes of the image file.
    let offset: UInt64
    /// One entry a table: its first sector, or 0 for a table of zeros.
    private let entries: [UInt32]
    /// Keeps what the entries take.
    private let share: BudgetShare

    var count: Int { entries.count }
    var byteCount: UInt64 { UInt64(entries.count) * 4 }
    /// Where the directory is, in bytes of the image file.
    var range: Range<UInt64> { offset..<(offset + byteCount) }

    /// Reads the directory that starts at `sector`. One that is `behindMarker` has a marker in the sector before it.
    /// - Throws: `ReadError.corrupt` where it is not inside the file, or the marker is another one;
    ///   `ReadError.overBudget` where there is no memory left for it.
    init(
        at sector: UInt64, for header: SparseExtentHeader, by reader: OpeningReader, budget: OpeningBudget,
        behindMarker: Bool = false
    ) throws(ReadError) {
        let name = "grain directory of \(reader.imageName)"
        let (start, needed) = try Self.place(sector, of: header, in: reader, named: name)
        share = BudgetShare(of: budget)
        try share.take(needed, for: name)
        var entries: [UInt32] = []
        entries.reserveCapacity(Int(needed / 4))
        var position = start
        while position < start + needed {
            // The marker and what follows it are one read.
            let marker: UInt64 = behindMarker && position == start ? 512 : 0
            let step = min(Self.readByteCount, start + needed - position)
            let record = try reader.record(
                "grain directory", byteCount: Int(marker + step), at: position - marker)
            if marker > 0 { try record.checkMarker(.grainDirectory, of: needed) }
            let span = record.bytes.span
            // SAFETY: bytes have no padding.
            let raw = unsafe span.bytes
            for index in Int(marker / 4)..<(span.count / 4) {
                entries.append(raw.littleEndian(UInt32.self, at: index * 4))
            }
            position += step
        }
        self.entries = entries
        offset = start
    }

    /// Where the directory is and how long, in bytes of the file.
    private static func place(
        _ sector: UInt64, of header: SparseExtentHeader, in reader: OpeningReader, named name: String
    ) throws(ReadError) -> (start: UInt64, byteCount: UInt64) {
        let (start, overflow) = sector.multipliedReportingOverflow(by: 512)
        guard sector > 0, !overflow else {
            throw .corrupt(record: name, offset: 0, reason: "the header says it is at sector \(sector)")
        }
        let needed = try header.tableCount.multiplied(by: 4, in: name, at: start)
        guard needed <= reader.byteCount else {
            throw .corrupt(
                record: name, offset: start,
                reason:
                    "a capacity of \(header.capacity) sectors needs a directory of \(needed) bytes, and "
                    + "the whole file has \(reader.byteCount)")
        }
        guard start <= reader.byteCount, needed <= reader.byteCount - start else {
            throw .corrupt(
                record: name, offset: start,
                reason: "\(needed) bytes are expected here, and the file ends at byte \(reader.byteCount)")
        }
        let metadataEnd = header.metadataEnd(inFileOf: reader.byteCount) * 512
        guard start >= metadataEnd else {
            throw .corrupt(
                record: name, offset: start,
                reason: "it lies on the header or the descriptor, which end at byte \(metadataEnd)")
        }
        guard needed <= maximumByteCount else {
            throw .unsupported(feature: "\(name) has \(needed) bytes; up to \(maximumByteCount) are read")
        }
        return (start, needed)
    }

    /// Whether a directory that is as long as `header` wants it is read, wherever in the file it is.
    static func isReadable(of header: SparseExtentHeader, in reader: OpeningReader) -> Bool {
        let (needed, overflow) = header.tableCount.multipliedReportingOverflow(by: 4)
        return !overflow && needed <= min(maximumByteCount, reader.byteCount)
    }

    /// The first sector of table `number`, 0 for a table of zeros.
    subscript(number: Int) -> UInt32 { entries[number] }

    /// How many tables are not zeros.
    var storedTableCount: Int { entries.reduce(0) { $0 + ($1 == 0 ? 0 : 1) } }

    /// The tables whose sectors are also another one's: neither can be right.
    func overlaps(
        of header: SparseExtentHeader, in reader: OpeningReader, _ budget: OpeningBudget
    ) throws(ReadError) -> OverlappingPlaces {
        let count = UInt64(storedTableCount)
        guard count > 1 else { return .none }
        var map = try PlaceMap(
            ofFileOf: reader.byteCount, places: header.tableByteCount, atMost: count, budget: budget,
            for: "places of the grain tables of \(reader.imageName)")
        for entry in entries where entry != 0 { try map.add(UInt64(entry) * 512) }
        return try map.overlaps()
    }
}

extension OnDiskRecord {
    /// Makes sure that the record starts with a marker of `kind`, whose metadata of `byteCount` bytes follows.
    func checkMarker(_ kind: MetadataMarker.Kind, of byteCount: UInt64) throws(ReadError) {
        guard let marker = try MetadataMarker(parsing: self, at: 0), marker.kind == kind,
            marker.sectorCount == (byteCount + 511) / 512
        else {
            throw corrupt(
                at: 0,
                "no marker is here that announces \(byteCount) bytes of a \(kind.name) (the map is damaged)")
        }
    }
}

extension MetadataMarker.Kind {
    fileprivate var name: String {
        switch self {
        case .endOfStream: "stream's end"
        case .grainTable: "grain table"
        case .grainDirectory: "grain directory"
        case .footer: "footer"
        case .unspecified: "record of no kind"
        }
    }
}
