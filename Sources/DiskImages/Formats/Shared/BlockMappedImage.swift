// What the images of formats with one table have in common.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// An image whose map is a `BlockMap` and nothing else.
protocol BlockMappedImage: DiskImage {
    associatedtype Blocks: BlockFormat

    var map: BlockMap<Blocks> { get }
}

extension BlockMappedImage {
    var virtualByteCount: UInt64 { map.geometry.virtualByteCount }
    var clusterByteCount: Int { 0 }
    var allocationUnitByteCount: UInt64? { map.geometry.blockByteCount }
    var allocatedByteCount: UInt64 { map.allocatedByteCount }
    var allocationIsEstimate: Bool { map.allocationIsEstimate }

    func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        try map.extent(containing: offset)
    }

    func validateMap(of range: Range<UInt64>, in file: any ByteSource) throws(ReadError) {
        try map.validate(range, in: file)
    }
}
