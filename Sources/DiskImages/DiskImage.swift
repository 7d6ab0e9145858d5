// What a virtual-disk format has to answer: where does this stretch of the guest disk live?
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// A virtual disk's map from guest bytes to where they are stored. A format does no I/O on the disk's data.
///
/// Conforming types are immutable; tables that are too large to hold are read through a `TableCache`.
package protocol DiskImage: Sendable {
    var format: DiskFormat { get }

    /// Size of the guest disk, in bytes.
    var virtualByteCount: UInt64 { get }

    /// The most bytes that one compressed cluster decodes to; 0 where nothing is compressed.
    var clusterByteCount: Int { get }

    /// What is allocated at a time, in bytes: a cluster, grain or block; nil where the format has nothing of the kind.
    var allocationUnitByteCount: UInt64? { get }

    /// Guest bytes that are stored rather than known to be zero.
    ///
    /// Exact where the tables are small, else an estimate that is above 0 and below `virtualByteCount`
    /// whenever the disk may have both data and holes.
    var allocatedByteCount: UInt64 { get }

    /// Whether `allocatedByteCount` is an estimate.
    var allocationIsEstimate: Bool { get }

    /// `allocatedByteCount`, unless that takes longer than this thread may wait.
    /// - Throws: `ReadError.wouldWait` and nothing else.
    func countAllocatedBytes() throws(ReadError) -> UInt64

    /// What is questionable about the image although it can be read; one line each.
    var warnings: [String] { get }

    /// The disk adapter that the image asks for, as the image spells it; nil where it says nothing.
    var adapterType: String? { get }

    /// The disk whose bytes show where this image has none; nil where the image stands for itself.
    var parent: ParentReference? { get }

    /// What a child knows this image by; nil where its format has nothing of the kind.
    var identity: ImageIdentity? { get }

    /// The other files that the disk is made of, which `Extent.Storage.elsewhere` counts.
    var extentFiles: [ExtentFile] { get }

    /// Earlier states of the disk that the image keeps, in the image's order.
    var snapshots: [DiskSnapshot] { get }

    /// Bytes of a sector as the guest sees it, 512 or 4,096; nil where the format does not say.
    var sectorByteCount: Int? { get }

    /// Whether the image is not known yet as a whole, and may turn out to be damaged: see `ByteSource.isProvisional`.
    var isProvisional: Bool { get }

    /// The extent that holds the guest byte at `offset`, which is below `virtualByteCount`. What is called stored may
    /// lie in a hole of the file: a read need not know, and `firstOffset` does.
    ///
    /// - Throws: only where the map itself cannot be read from its source. A map that was read and is
    ///   wrong gives an extent with storage `.damaged`.
    func extent(containing offset: UInt64) throws(ReadError) -> Extent

    /// The first guest byte of `region` in `range`, which lies inside the disk; nil where there is none.
    func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64?

    /// A part of the search that `firstOffset` makes, of a bounded length.
    func searchStep(for region: Region, in range: Range<UInt64>) throws(ReadError) -> RegionSearch

    /// Makes sure that the parts of `file` which say where guest bytes `range` are have stayed what they were.
    /// - Throws: `ReadError.stale` where they have not.
    func validateMap(of range: Range<UInt64>, in file: any ByteSource) throws(ReadError)
}

extension DiskImage {
    package var adapterType: String? { nil }
    package var allocationIsEstimate: Bool { false }
    package var parent: ParentReference? { nil }
    package var identity: ImageIdentity? { nil }
    package var extentFiles: [ExtentFile] { [] }
    package var snapshots: [DiskSnapshot] { [] }
    package var sectorByteCount: Int? { nil }
    package var isProvisional: Bool { false }
    package var allocationUnitByteCount: UInt64? { nil }

    package func countAllocatedBytes() throws(ReadError) -> UInt64 { allocatedByteCount }

    /// The map may be anywhere, unless the format says otherwise.
    package func validateMap(of range: Range<UInt64>, in file: any ByteSource) throws(ReadError) {
        try file.validate()
    }

    /// Goes by the extents, to the end of the search.
    /// - Throws: `ReadError.wouldWait` where one step is not enough and this thread may not wait.
    package func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        var rest = range
        while true {
            switch try searchStep(for: region, in: rest) {
            case .found(let offset): return offset
            case .absent: return nil
            case .unfinished(let position):
                guard Patience.current == .waits else { throw .wouldWait }
                try PatientRead.checkCancellation()
                rest = position..<range.upperBound
            }
        }
    }

    /// Goes by the extents, a bounded number of them. What is damaged counts as data, so that whoever copies the disk
    /// meets the error.
    package func searchStep(
        for region: Region, in range: Range<UInt64>
    ) throws(ReadError) -> RegionSearch {
        var position = range.lowerBound
        for _ in 0..<RegionSearch.extentsPerStep {
            guard position < range.upperBound else { return .absent }
            let extent = try extent(containing: position)
            if extent.isHole == (region == .hole) { return .found(at: position) }
            position = extent.guestEnd
        }
        return position < range.upperBound ? .unfinished(at: position) : .absent
    }
}
