// A disk that is stored as the guest reads it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Any bytes, read as a disk. The disk is a whole number of sectors long: what the file lacks of the last
/// one is zeros, as in qemu.
struct RawImage: DiskImage {
    let format = DiskFormat.raw
    let virtualByteCount: UInt64
    let clusterByteCount = 0
    let warnings: [String]

    private static let sectorByteCount: UInt64 = 512

    private let source: any ByteSource
    private let allocation: RawAllocation

    /// Why the end, where the footer of a fixed VHD would be, could not be read; nil where it could.
    let unreadableEnd: ReadError?

    init(
        _ source: any ByteSource, named name: String, unreadableEnd: ReadError? = nil
    ) throws(ReadError) {
        self.source = source
        self.unreadableEnd = unreadableEnd
        let byteCount = source.byteCount
        virtualByteCount = try byteCount.roundedUp(toMultipleOf: Self.sectorByteCount, in: name, at: 0)
        allocation = RawAllocation(of: source)
        let added = virtualByteCount - byteCount
        let length = added == 0 ? [] : ["the file ends inside a sector; \(added) zeros are added"]
        let end = unreadableEnd.map { error in
            ["its last sector, by which a fixed VHD would be known, cannot be read: \(error)"]
        }
        warnings = length + (end ?? [])
    }

    /// All of `source`, to the byte: a part of a disk, or a disk whose image says how long it is.
    init(wholeOf source: any ByteSource) {
        self.source = source
        virtualByteCount = source.byteCount
        allocation = RawAllocation(of: source)
        warnings = []
        unreadableEnd = nil
    }

    /// Exact for a file with few holes, which are looked for when this is first asked for; of one with more, or
    /// where looking takes long, only the first are left out.
    var allocatedByteCount: UInt64 { allocation.result.byteCount }
    var allocationIsEstimate: Bool { allocation.result.isEstimate }

    func countAllocatedBytes() throws(ReadError) -> UInt64 { try allocation.count().byteCount }

    /// All of the file is one stored extent: to ask for its holes takes longer than most reads, on some file systems
    /// a thousand times as long.
    func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        let end = source.byteCount
        guard offset < end else {
            try GuestOffset.check(offset, below: virtualByteCount, of: "raw disk")
            return Extent(guestOffset: end, byteCount: virtualByteCount - end, storage: .zeros)
        }
        return Extent(guestOffset: 0, byteCount: end, storage: .stored(at: 0))
    }

    func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        let end = source.byteCount
        if let found = try source.firstOffset(of: region, in: range.clamped(to: 0..<end)) { return found }
        // The zeros that fill the last sector.
        guard region == .hole, range.upperBound > end, !range.isEmpty else { return nil }
        return max(range.lowerBound, end)
    }

    /// What the file says of itself it has looked at itself; the zeros behind it are there because of where it ends.
    func validateMap(of range: Range<UInt64>, in file: any ByteSource) throws(ReadError) {
        guard file.byteCount > 0 else { return try file.validate() }
        try file.validate((file.byteCount - 1)..<file.byteCount)
    }

    func searchStep(for region: Region, in range: Range<UInt64>) throws(ReadError) -> RegionSearch {
        if let found = try firstOffset(of: region, in: range) { .found(at: found) } else { .absent }
    }
}
