// How much of a VMDK disk is stored.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The number of guest bytes that an image stores, found when it is first asked for.
final class GrainAllocation: Sendable {
    /// Up to this many bytes of tables, 16 GiB of disk at the usual sizes, are read to count exactly.
    static let maximumTableByteCount = 1 << 20

    private let found = CountedOnce()

    /// For a thread that may wait.
    func result(of image: VMDKSparseExtent) -> Allocation {
        (try? Patience.waits.during { () throws(ReadError) in try count(of: image) })
            ?? Allocation(byteCount: estimate(of: image), isEstimate: true)
    }

    /// - Throws: `ReadError.wouldWait` where this thread may not wait, and would have to.
    func count(of image: VMDKSparseExtent) throws(ReadError) -> Allocation {
        do throws(ReadError) {
            return try found.value { () throws(ReadError) in
                let exact = try exactByteCount(of: image)
                return Allocation(byteCount: exact ?? estimate(of: image), isEstimate: exact == nil)
            }
        } catch {
            // The next caller counts again: the tables may be readable then.
            guard !error.isAboutTheReader else { throw error }
            return Allocation(byteCount: estimate(of: image), isEstimate: true)
        }
    }

    /// - Returns: nil where the tables are too large to count.
    private func exactByteCount(of image: VMDKSparseExtent) throws(ReadError) -> UInt64? {
        guard image.map.storedTableCount <= Self.maximumTableByteCount >> (image.layout.tableShift + 2) else {
            return nil
        }
        var sum: UInt64 = 0
        // What is damaged counts as data.
        for number in image.map.damagedTables() { sum += image.guestByteCount(ofTable: number) }
        try image.forEachTable(reading: { count, offset throws(ReadError) in
            try image.source.bytes(count, at: offset)
        }) { table, entries in
            sum += image.storedByteCount(in: table, entries)
        }
        return sum
    }

    /// From what the directory says and what the file has room for; both a hole and data remain possible.
    private func estimate(of image: VMDKSparseExtent) -> UInt64 {
        var covered: UInt64 = 0
        for number in 0..<image.map.count where image.map.lookUp(number) != .absent {
            covered += image.guestByteCount(ofTable: number)
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
