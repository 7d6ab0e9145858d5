// The grain directory: where each grain table lies.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The places of a disk's grain tables, held in memory: 128 KiB for a disk of 1 TiB.
///
/// Spec: VMware Virtual Disk Format 5.0, "Grain Directory".
struct GrainDirectory {
    /// The largest directory that is read.
    static let maximumByteCount: UInt64 = 64 << 20
    /// How many entries of 0 a look-up joins into one hole.
    static let maximumZeroRun = 4_096

    /// Where the directory starts, in bytes of the image file.
    let offset: UInt64
    /// One entry a table: its first sector, or 0 for a table of zeros.
    private let entries: [UInt32]
    /// Entries whose tables share sectors with another one's: neither can be right. Nearly always empty.
    private let sharedEntries: Set<UInt32>

    var count: Int { entries.count }
    var byteCount: UInt64 { UInt64(entries.count) * 4 }

    /// Reads the directory that starts at `sector`.
    /// - Throws: `ReadError.corrupt` where it is not inside the file.
    init(at sector: UInt64, for header: SparseExtentHeader, by reader: OpeningReader) throws(ReadError) {
        let name = "grain directory of \(reader.imageName)"
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
        guard needed <= Self.maximumByteCount else {
            throw .unsupported(
                feature: "\(name) has \(needed) bytes; up to \(Self.maximumByteCount) are read")
        }
        let record = try reader.record("grain directory", byteCount: Int(needed), at: start)
        let span = record.bytes.span
        // SAFETY: bytes have no padding.
        let raw = unsafe span.bytes
        entries = (0..<(span.count / 4)).map { raw.littleEndian(UInt32.self, at: $0 * 4) }
        offset = start
        sharedEntries = Self.shared(entries, tableSectors: (UInt64(header.entriesPerTable) * 4 + 511) / 512)
    }

    /// The first sector of table `number`, 0 for a table of zeros.
    subscript(number: Int) -> UInt32 { entries[number] }

    /// Whether the sectors of the table that `entry` names are also another table's.
    func isShared(_ entry: UInt32) -> Bool {
        !sharedEntries.isEmpty && sharedEntries.contains(entry)
    }

    /// The number of the first table at or after `number` that is not known to be zeros, or where the search
    /// was given up.
    func endOfZeros(from number: Int) -> Int {
        let limit = min(entries.count, number + Self.maximumZeroRun)
        var end = number
        while end < limit, entries[end] == 0 { end += 1 }
        return end
    }

    /// The tables that are not zeros, in the order of their places in the file.
    func storedTables() -> [(number: Int, sector: UInt32)] {
        entries.indices.filter { entries[$0] != 0 }.map { ($0, entries[$0]) }.sorted { $0.sector < $1.sector }
    }

    /// How many tables are not zeros.
    var storedTableCount: Int { entries.reduce(0) { $0 + ($1 == 0 ? 0 : 1) } }

    private static func shared(_ entries: [UInt32], tableSectors: UInt64) -> Set<UInt32> {
        let sorted = entries.filter { $0 != 0 }.sorted()
        var result: Set<UInt32> = []
        for (first, second) in zip(sorted, sorted.dropFirst())
        where UInt64(second) - UInt64(first) < tableSectors {
            result.insert(first)
            result.insert(second)
        }
        return result
    }
}
