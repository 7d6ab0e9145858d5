// How much of a qcow disk is stored.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The number of guest bytes that a disk stores, found when it is first asked for.
final class QCOWAllocation: Sendable {
    /// Up to this many bytes of second-level tables, 64 GiB of disk at the usual sizes, are read to count exactly.
    private static let tableByteCountLimit: UInt64 = 1 << 20
    /// Up to this many entries of the first level are looked at.
    private static let entryCountLimit: UInt64 = 1 << 18

    private let found = CountedOnce()
    /// What all snapshots of a disk have together; nil for a disk.
    private let time: CountingTime?

    init(within time: CountingTime?) {
        self.time = time
    }

    /// For a thread that may wait.
    func result(of image: QCOWImage) -> Allocation {
        (try? Patience.waits.during { () throws(ReadError) in try count(of: image) })
            ?? Self.estimate(of: image, tableCount: .max)
    }

    /// - Throws: `ReadError.wouldWait` where this thread may not wait, and would have to.
    func count(of image: QCOWImage) throws(ReadError) -> Allocation {
        do throws(ReadError) {
            return try found.value { () throws(ReadError) in
                guard let time else { return try Self.find(in: image) }
                guard time.nanoseconds > 0 else { return Self.estimate(of: image, tableCount: .max) }
                let start = SuspendingClock.now
                defer { time.use(SuspendingClock.now - start) }
                return try Self.find(in: image)
            }
        } catch {
            // The next caller counts again: the tables may be readable then.
            guard !error.isAboutTheReader else { throw error }
            return Self.estimate(of: image, tableCount: .max)
        }
    }

    private static func find(in image: QCOWImage) throws(ReadError) -> Allocation {
        let geometry = image.geometry
        guard image.firstLevel.entryCount <= entryCountLimit else {
            return estimate(of: image, tableCount: .max)
        }
        let limit = max(1, tableByteCountLimit / geometry.tableByteCount)
        var tableCount: UInt64 = 0
        var entries: [(number: UInt64, entry: UInt64)] = []
        try image.firstLevel.forEachEntry { number, entry in
            tableCount += 1
            if tableCount <= limit { entries.append((number, entry)) }
        }
        guard tableCount <= limit else { return estimate(of: image, tableCount: tableCount) }
        // What is damaged counts as data.
        let presentCount = image.firstLevel.presentEntryCount
        var sum: UInt64 =
            presentCount < image.firstLevel.entryCount
            ? image.virtualByteCount - presentCount << geometry.tableGuestBits : 0
        for (number, entry) in entries {
            let start = number << geometry.tableGuestBits
            sum +=
                try storedByteCount(of: image, entry, from: start)
                ?? image.guestByteCount(ofTableFrom: start)
        }
        return Allocation(byteCount: sum, isEstimate: false)
    }

    /// What the table that `entry`, that for guest byte `start`, leads to calls stored, in bytes; nil where it cannot be read.
    private static func storedByteCount(
        of image: QCOWImage, _ entry: UInt64, from start: UInt64
    ) throws(ReadError) -> UInt64? {
        let geometry = image.geometry
        let table: UInt64
        switch QCOWTableEntry(entry, geometry) {
        case .absent: return 0
        case .invalid: return nil
        case .table(let place): table = place
        }
        guard try image.problem(ofTableAt: table) == nil else { return nil }
        var sum: UInt64 = 0
        var position = start
        let end = start + image.guestByteCount(ofTableFrom: start)
        while position < end {
            let slice = QCOWTableSlice(of: table, in: image.file, containing: position)
            if slice.presentByteCount > 0 {
                sum += try image.file.tables.withTable(
                    QCOWFile.tableIndex(ofSliceAt: slice.offset), byteCount: Int(slice.presentByteCount),
                    at: slice.offset
                ) { bytes in
                    image.storedByteCount(in: slice, bytes)
                }
            }
            let known = slice.guestRange(0..<Int(slice.presentByteCount >> geometry.entryBits)).upperBound
            // Entries that the file lacks are no zeros.
            if known < slice.guestEnd { sum += min(slice.guestEnd, end) - min(known, end) }
            position = slice.guestEnd
        }
        return sum
    }

    /// From what tables lead to and what the file has room for; both a hole and data remain possible.
    private static func estimate(of image: QCOWImage, tableCount: UInt64) -> Allocation {
        guard tableCount > 0, image.virtualByteCount > 0 else {
            return Allocation(byteCount: 0, isEstimate: tableCount != 0)
        }
        let (covered, overflow) = tableCount.multipliedReportingOverflow(
            by: 1 << image.geometry.tableGuestBits)
        let room = min(overflow ? .max : covered, image.file.byteCount)
        let most = image.virtualByteCount - min(image.virtualByteCount - 1, 512)
        return Allocation(byteCount: max(1, min(room, most)), isEstimate: true)
    }
}

extension QCOWImage {
    /// What of the table for guest byte `start` belongs to the disk, in bytes.
    func guestByteCount(ofTableFrom start: UInt64) -> UInt64 {
        min(1 << geometry.tableGuestBits, virtualByteCount - start)
    }
}
