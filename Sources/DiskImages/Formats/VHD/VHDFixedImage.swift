// A fixed VHD: the guest's bytes, and a footer behind them.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension DiskFormat {
    package static let vhdFixed = DiskFormat("vhd-fixed")
    package static let vhdDynamic = DiskFormat("vhd-dynamic")
    package static let vhdDifferencing = DiskFormat("vhd-differencing")
}

/// The map of a fixed VHD: all of it is stored, as it is. The holes of its file are the disk's.
/// Spec: Microsoft, Virtual Hard Disk Image Format Specification 1.0, "Fixed Hard Disk Image".
struct VHDFixedImage: DiskImage {
    let format = DiskFormat.vhdFixed
    let virtualByteCount: UInt64
    let clusterByteCount = 0
    let warnings: [String]
    let identity: ImageIdentity?

    private let imageName: String
    /// The file without its footer.
    private let content: any ByteSource
    private let allocation: RawAllocation

    /// - Throws: `ReadError.corrupt` where the disk is larger than what stands before the footer.
    init(_ footer: VHDFooter, _ footers: VHDFooters, _ reader: OpeningReader) throws(ReadError) {
        guard footer.virtualByteCount <= footers.dataEnd else {
            throw .corrupt(
                record: "VHD footer of \(reader.imageName)", offset: footers.dataEnd,
                reason:
                    "a fixed disk of \(footer.virtualByteCount) bytes, and \(footers.dataEnd) stand before the footer"
            )
        }
        virtualByteCount = footer.virtualByteCount
        identity = .vhd(footer.identifier)
        imageName = reader.imageName
        warnings = footer.warnings
        content = try SubrangeSource(
            of: reader.source, from: 0, byteCount: footer.virtualByteCount, named: reader.imageName)
        allocation = RawAllocation(of: content)
    }

    var allocatedByteCount: UInt64 { allocation.result.byteCount }
    var allocationIsEstimate: Bool { allocation.result.isEstimate }

    func countAllocatedBytes() throws(ReadError) -> UInt64 { try allocation.count().byteCount }

    func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        try GuestOffset.check(offset, below: virtualByteCount, of: imageName)
        return Extent(guestOffset: 0, byteCount: virtualByteCount, storage: .stored(at: 0))
    }

    func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        try content.firstOffset(of: region, in: range)
    }

    func searchStep(for region: Region, in range: Range<UInt64>) throws(ReadError) -> RegionSearch {
        try content.searchStep(for: region, in: range)
    }
}

extension VHDFooter {
    /// What is to be said of what the footer says, though the disk can be read.
    var warnings: [String] {
        hasSavedState ? ["the disk belongs to a saved state of its machine"] : []
    }
}
