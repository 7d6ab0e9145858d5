// Walking through a stream from marker to marker, when the map at its end is missing.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// What the markers of a stream say, from the first one to where the stream ends or stops making sense.
///
/// The walk ends at the first thing that is no marker: what is found by searching on could as well be a
/// piece of another image that the guest keeps in a file.
struct MarkerScan {
    /// The most markers that are looked at to say how many bytes are missing.
    static let diagnosticLimit = 1 << 16
    /// The most markers that are looked at to recover a disk: 256 GiB of grains at the usual size, 64 MiB of
    /// memory for what is found.
    static let recoveryLimit = 1 << 22

    /// Markers whose memory is taken from the budget at once.
    private static let batch = 4_096
    /// What is kept for a marker, here and by who sorts what was found, in bytes.
    private static let foundByteCount: UInt64 = 48

    struct Grain {
        /// The grain's number on the guest disk.
        let index: UInt64
        /// Where its marker is, in sectors: what a grain table has room for.
        let sector: UInt32
        /// Marker and zlib data, in bytes.
        let storedByteCount: UInt32
    }

    /// Keeps what is found in the budget.
    let share: BudgetShare
    /// In the order of their places.
    private(set) var grains: [Grain] = []
    /// The first sectors of grain tables, in the order of their places.
    private(set) var tableSectors: [UInt64] = []
    /// The first sector of the last grain directory.
    private(set) var directorySector: UInt64?
    /// Why the walk ended; nil at a proper end of stream.
    private(set) var stop: Stop?

    enum Stop: Equatable {
        /// The file ends here, and must have at least so many bytes.
        case endOfFile(neededByteCount: UInt64)
        /// No marker at this byte.
        case noMarker(offset: UInt64)
        /// More markers than are looked at.
        case limit
    }

    /// Walks through the stream with one small read a marker.
    init(
        of reader: OpeningReader, header: SparseExtentHeader, atMost limit: Int, budget: OpeningBudget
    ) throws(ReadError) {
        let fileByteCount = reader.byteCount
        share = BudgetShare(of: budget)
        var sector = header.dataStart(inFileOf: fileByteCount)
        for count in 0..<limit {
            if count % Self.batch == 0 {
                try share.take(
                    UInt64(Self.batch) * Self.foundByteCount, for: "markers of \(reader.imageName)")
            }
            // No overflow: `sector` is inside the file, or next to what was.
            let offset = sector * 512
            guard offset < fileByteCount, fileByteCount - offset >= UInt64(MetadataMarker.byteCount) else {
                stop = .endOfFile(neededByteCount: offset + Self.leastTail)
                return
            }
            let record = try reader.record("marker", byteCount: MetadataMarker.byteCount, at: offset)
            let size = try record.littleEndian(UInt32.self, at: 8)
            let step =
                size == 0
                ? try metadata(in: record, at: sector, header) : try grain(in: record, at: sector, header)
            guard let step else {
                // An end of stream is the one marker that is not followed by anything.
                if stop == nil, try MetadataMarker(parsing: record, at: 0)?.kind != .endOfStream {
                    stop = .noMarker(offset: offset)
                }
                return
            }
            guard step.byteCount <= fileByteCount - offset else {
                stop = .endOfFile(neededByteCount: offset + step.byteCount + step.tail)
                dropLast(size: size, at: sector)
                return
            }
            sector += (step.byteCount + 511) / 512
        }
        stop = .limit
    }

    /// Footer marker, footer, and end of stream: what a stream has after everything else.
    private static let leastTail: UInt64 = 1536

    /// How far to the next marker, and what must come behind it, in bytes.
    private typealias Step = (byteCount: UInt64, tail: UInt64)

    private mutating func metadata(
        in record: OnDiskRecord, at sector: UInt64, _ header: SparseExtentHeader
    ) throws(ReadError) -> Step? {
        // A count beyond 2^40 sectors is no marker; below it, nothing here overflows.
        guard let marker = try MetadataMarker(parsing: record, at: 0), marker.kind != .endOfStream,
            marker.sectorCount < 1 << 40
        else { return nil }
        switch marker.kind {
        case .grainTable:
            // A table of another length is no table of this disk, and tables that overlapped would be read many times.
            guard marker.sectorCount == header.tableByteCount / 512 else { return nil }
            tableSectors.append(sector + 1)
        case .grainDirectory: directorySector = sector + 1
        case .endOfStream, .footer, .unspecified: break
        }
        return ((marker.sectorCount + 1) * 512, marker.kind == .footer ? 512 : Self.leastTail)
    }

    private mutating func grain(
        in record: OnDiskRecord, at sector: UInt64, _ header: SparseExtentHeader
    ) throws(ReadError) -> Step? {
        let lba = try record.littleEndian(UInt64.self, at: 0)
        let size = try record.littleEndian(UInt32.self, at: 8)
        // RFC 1950, 2.2: method 8, and a header that is a multiple of 31.
        let first = UInt16(try record.littleEndian(UInt8.self, at: 12))
        let second = UInt16(try record.littleEndian(UInt8.self, at: 13))
        guard let place = UInt32(exactly: sector), lba < header.capacity, lba % header.grainSize == 0,
            UInt64(size) <= 2 * UInt64(header.grainByteCount),
            first & 0x0f == 8, (first << 8 | second) % 31 == 0
        else { return nil }
        // No overflow: the size is at most two grains, 16 MiB.
        let stored = UInt32(GrainMarker.byteCount) + size
        grains.append(Grain(index: lba / header.grainSize, sector: place, storedByteCount: stored))
        return (UInt64(stored), Self.leastTail)
    }

    /// Forgets the last thing found, which the file does not hold whole.
    private mutating func dropLast(size: UInt32, at sector: UInt64) {
        if size != 0 { grains.removeLast() }
        if tableSectors.last == sector + 1 { tableSectors.removeLast() }
        if directorySector == sector + 1 { directorySector = nil }
    }
}
