// What is said of a streamOptimized disk whose directory has not come yet.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization

extension ArrivingStream {
    private var wholeImage: (any DiskImage)? { try? whole.load()?.image.get() }

    var isProvisional: Bool { whole.load() == nil }

    var warnings: [String] { wholeImage?.warnings ?? opening.warnings }

    var allocationUnitByteCount: UInt64? { grainByteCount }

    var allocatedByteCount: UInt64 { wholeImage?.allocatedByteCount ?? estimatedByteCount }

    var allocationIsEstimate: Bool { wholeImage?.allocationIsEstimate ?? true }

    func countAllocatedBytes() throws(ReadError) -> UInt64 {
        try wholeImage?.countAllocatedBytes() ?? estimatedByteCount
    }

    /// Compressed data is about half of what it stands for; both a hole and data remain possible.
    private var estimatedByteCount: UInt64 {
        let (room, overflow) = source.byteCount.multipliedReportingOverflow(by: 2)
        return max(512, min(overflow ? .max : room, virtualByteCount - 512))
    }

    /// What is not known is data: nobody waits here for what has not come.
    func searchStep(for region: Region, in range: Range<UInt64>) throws(ReadError) -> RegionSearch {
        if whole.load() != nil || Self.hasEnd(opening.reader) {
            return try searchWhole(for: region, in: range)
        }
        _ = try markers.advance()
        var position = range.lowerBound
        for _ in 0..<RegionSearch.extentsPerStep {
            guard position < range.upperBound else { return .absent }
            let number = position / grainByteCount
            let known = try knownExtent(ofGrain: number)
            if (known?.isHole ?? false) == (region == .hole) { return .found(at: position) }
            position = known?.guestEnd ?? endOfData(from: number)
        }
        return position < range.upperBound ? .unfinished(at: position) : .absent
    }

    /// Where the next hole may be known to be, in guest bytes: holes are known by tables only.
    private func endOfData(from number: UInt64) -> UInt64 {
        guard let table = markers.table(after: number / entriesPerTable) else { return virtualByteCount }
        // A table that came has a grain of the disk: no overflow.
        return table * entriesPerTable * grainByteCount
    }

    private func searchWhole(
        for region: Region, in range: Range<UInt64>
    ) throws(ReadError) -> RegionSearch {
        switch try complete().image {
        case .success(let image): return try image.searchStep(for: region, in: range)
        // What is damaged counts as data.
        case .failure: return region == .data && !range.isEmpty ? .found(at: range.lowerBound) : .absent
        }
    }

    func validateMap(of range: Range<UInt64>, in file: any ByteSource) throws(ReadError) {
        guard let image = wholeImage else { return try file.validate() }
        try image.validateMap(of: range, in: file)
    }
}
