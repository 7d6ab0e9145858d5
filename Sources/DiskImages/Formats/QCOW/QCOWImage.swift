// A qcow or qcow2 disk, or one of the snapshots in its file.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The map of a disk: a first-level table leads to second-level tables, whose entries lead to clusters.
///
/// Spec: QEMU, docs/interop/qcow2; for version 1, block/qcow.
struct QCOWImage: DiskImage {
    let format: DiskFormat
    let virtualByteCount: UInt64
    var warnings: [String]
    let parent: ParentReference?
    let snapshots: [DiskSnapshot]

    let file: QCOWFile
    let firstLevel: QCOWFirstLevel
    private let allocation: QCOWAllocation

    init(
        _ format: DiskFormat, _ file: QCOWFile, virtualByteCount: UInt64, firstLevel: QCOWFirstLevel,
        parent: ParentReference?, snapshots: [DiskSnapshot] = [], warnings: [String] = [],
        countingWithin time: CountingTime? = nil
    ) {
        allocation = QCOWAllocation(within: time)
        self.format = format
        self.file = file
        self.virtualByteCount = virtualByteCount
        self.firstLevel = firstLevel
        self.parent = parent
        self.snapshots = snapshots
        self.warnings = warnings
    }

    var geometry: QCOWGeometry { file.geometry }

    /// Any cluster may be compressed; only its entry says so.
    var clusterByteCount: Int { Int(geometry.clusterByteCount) }
    var allocationUnitByteCount: UInt64? { geometry.clusterByteCount }

    var allocatedByteCount: UInt64 { allocation.result(of: self).byteCount }
    var allocationIsEstimate: Bool { allocation.result(of: self).isEstimate }

    func countAllocatedBytes() throws(ReadError) -> UInt64 {
        try allocation.count(of: self).byteCount
    }

    func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        try GuestOffset.check(offset, below: virtualByteCount, of: file.imageName)
        let number = offset >> geometry.tableGuestBits
        guard let entry = try firstLevel.entry(number) else { return missing(fromTable: number) }
        switch QCOWTableEntry(entry, geometry) {
        case .absent:
            return stretch(number..<(try firstLevel.endOfAbsent(from: number)), .absent)
        case .invalid(let reason):
            return damaged(table: number, reason.rawValue)
        case .table(let start):
            if let reason = try problem(ofTableAt: start) { return damaged(table: number, reason) }
            return try extent(containing: offset, inTable: number, at: start)
        }
    }

    /// Why no second-level table can start at byte `start` of the file; nil where one can, at least its first entry.
    func problem(ofTableAt start: UInt64) throws(ReadError) -> String? {
        let present = min(geometry.tableByteCount, file.available(from: start))
        guard present >= geometry.entryByteCount else {
            return "it names byte \(start), and the file ends at byte \(file.byteCount)"
        }
        if let problem = file.tableRules.problem(at: start, byteCount: present) {
            return "it names byte \(start): \(problem.text(of: "table"))"
        }
        guard try firstLevel.isNamedTwice(start) else { return nil }
        return "it names byte \(start), as another entry does"
    }

    /// The extent of `offset`, out of the second-level table that starts at byte `start`.
    private func extent(
        containing offset: UInt64, inTable number: UInt64, at start: UInt64
    ) throws(ReadError) -> Extent {
        let slice = QCOWTableSlice(of: start, in: file, containing: offset)
        let index = slice.index(of: offset)
        let presentCount = Int(slice.presentByteCount >> geometry.entryBits)
        guard index < presentCount else {
            let missing = slice.guestRange(presentCount..<presentCount).lowerBound..<slice.guestEnd
            return clipped(
                missing,
                .damaged(
                    .corrupt(
                        record: "second-level table \(number) of \(file.imageName)",
                        offset: slice.offset + slice.presentByteCount,
                        reason: "the file ends at byte \(file.byteCount), before the table does "
                            + "(guest data from byte \(missing.lowerBound) on)")))
        }
        return try file.tables.withTable(
            QCOWFile.tableIndex(ofSliceAt: slice.offset), byteCount: Int(slice.presentByteCount),
            at: slice.offset
        ) { bytes in
            extent(ofEntry: index, in: slice, bytes, containing: offset)
        }
    }

    /// An extent cut to the disk.
    func clipped(_ range: Range<UInt64>, _ storage: Extent.Storage) -> Extent {
        Extent(
            guestOffset: range.lowerBound,
            byteCount: min(range.upperBound, virtualByteCount) - range.lowerBound, storage: storage)
    }

    /// The extent of whole tables.
    private func stretch(_ numbers: Range<UInt64>, _ storage: Extent.Storage) -> Extent {
        // Below 2^63 and a table's 2^39 bytes: no overflow.
        let start = numbers.lowerBound << geometry.tableGuestBits
        return clipped(start..<(numbers.upperBound << geometry.tableGuestBits), storage)
    }

    private func damaged(table number: UInt64, _ reason: String) -> Extent {
        let start = number << geometry.tableGuestBits
        return stretch(
            number..<(number + 1),
            .damaged(
                firstLevel.damage(
                    ofEntry: number, "the entry of the table for guest data from byte \(start) on: \(reason)")
            ))
    }

    private func missing(fromTable number: UInt64) -> Extent {
        let first = firstLevel.presentEntryCount
        return stretch(
            first..<firstLevel.entryCount,
            .damaged(
                firstLevel.damage(
                    ofEntry: first,
                    "the file ends at byte \(file.byteCount), before the table does "
                        + "(guest data from byte \(first << geometry.tableGuestBits) on)")))
    }
}
