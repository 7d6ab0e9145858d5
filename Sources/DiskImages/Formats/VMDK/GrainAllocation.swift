// How much of a VMDK disk is stored.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization

/// The number of guest bytes that an image stores, found when it is first asked for.
final class GrainAllocation: Sendable {
    /// Up to this many bytes of tables, 16 GiB of disk at the usual sizes, are read to count exactly.
    static let maximumTableByteCount = 1 << 20

    private let source: any ByteSource
    private let result = Mutex<UInt64?>(nil)

    init(source: any ByteSource) {
        self.source = source
    }

    /// The tables are read while the lock is held, so that many threads that ask at once read them once.
    func byteCount(of image: VMDKSparseExtent) -> UInt64 {
        result.withLock { result in
            if let result { return result }
            let count = (try? exactByteCount(of: image)) ?? estimate(of: image)
            result = count
            return count
        }
    }

    /// - Returns: nil where the tables are too large to count, or cannot be read now.
    private func exactByteCount(of image: VMDKSparseExtent) throws(ReadError) -> UInt64? {
        let tables = image.directory.storedTables()
        guard tables.count <= Self.maximumTableByteCount >> (image.layout.tableShift + 2) else { return nil }
        var sum: UInt64 = 0
        var run: [VMDKSparseExtent.GrainTable] = []
        for (number, sector) in tables {
            let table = VMDKSparseExtent.GrainTable(
                number: number, offset: UInt64(sector) * 512, entryCount: image.entryCount(ofTable: number))
            guard image.damage(of: table) == nil else {
                sum += image.guestByteCount(ofTable: number)
                continue
            }
            if let last = run.last, last.offset + UInt64((last.byteCount + 511) / 512 * 512) != table.offset {
                sum += try storedByteCount(of: run, image)
                run = []
            }
            run.append(table)
        }
        return sum + (try storedByteCount(of: run, image))
    }

    /// Counts tables that lie side by side, with one read.
    private func storedByteCount(
        of run: [VMDKSparseExtent.GrainTable], _ image: VMDKSparseExtent
    ) throws(ReadError) -> UInt64 {
        guard let first = run.first, let last = run.last else { return 0 }
        if run.count == 1 {
            return try image.withEntries(of: first) { entries throws(ReadError) in
                image.storedByteCount(in: first, entries)
            }
        }
        let byteCount = Int(last.offset - first.offset) + last.byteCount
        let bytes = try source.bytes(byteCount, at: first.offset)
        // SAFETY: bytes have no padding.
        let span = unsafe bytes.span.bytes
        var sum: UInt64 = 0
        for table in run {
            let start = Int(table.offset - first.offset)
            sum += image.storedByteCount(in: table, span.extracting(start..<(start + table.byteCount)))
        }
        return sum
    }

    /// From what the directory says and what the file has room for; both a hole and data remain possible.
    private func estimate(of image: VMDKSparseExtent) -> UInt64 {
        let covered = image.directory.storedTables().reduce(0) { sum, table in
            sum + image.guestByteCount(ofTable: table.number)
        }
        // Compressed data is about half of what it stands for.
        let (doubled, overflow) = image.fileByteCount.multipliedReportingOverflow(by: 2)
        let room = image.clusterByteCount > 0 ? (overflow ? .max : doubled) : image.fileByteCount
        guard covered > 0 else { return 0 }
        return max(512, min(covered, room, image.virtualByteCount - 512))
    }
}

extension VMDKSparseExtent {
    /// What of table `number` belongs to the disk, in bytes.
    func guestByteCount(ofTable number: Int) -> UInt64 {
        let shift = layout.tableShift + layout.grainShift
        return min(UInt64(number + 1) << shift, virtualByteCount) - UInt64(number) << shift
    }
}
