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
            guard offset < fileByteCount, fileByteCount - offset >= UInt64(StreamMarker.byteCount) else {
                stop = .endOfFile(neededByteCount: offset + Self.leastTail)
                return
            }
            let record = try reader.record("marker", byteCount: StreamMarker.byteCount, at: offset)
            guard let marker = try StreamMarker(parsing: record, at: sector, of: header) else {
                stop = .noMarker(offset: offset)
                return
            }
            // The one marker that is not followed by anything.
            guard marker.kind != .endOfStream else { return }
            guard marker.byteCount <= fileByteCount - offset else {
                let tail = marker.kind == .footer ? 512 : Self.leastTail
                stop = .endOfFile(neededByteCount: offset + marker.byteCount + tail)
                // One that came before is not the stream's.
                if marker.kind == .grainDirectory { directorySector = nil }
                return
            }
            note(marker, at: sector)
            sector += (marker.byteCount + 511) / 512
        }
        stop = .limit
    }

    /// Footer marker, footer, and end of stream: what a stream has after everything else.
    private static let leastTail: UInt64 = 1536

    private mutating func note(_ marker: StreamMarker, at sector: UInt64) {
        switch marker.kind {
        case .grain(let index):
            // The marker was found to be at a sector of 32 bits, and takes at most two grains, 16 MiB.
            grains.append(
                Grain(
                    index: index, sector: UInt32(clamping: sector),
                    storedByteCount: UInt32(clamping: marker.byteCount)))
        case .grainTable: tableSectors.append(sector + 1)
        case .grainDirectory: directorySector = sector + 1
        case .endOfStream, .footer, .unspecified: break
        }
    }
}
