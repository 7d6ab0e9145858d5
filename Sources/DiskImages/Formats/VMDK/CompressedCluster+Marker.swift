// A grain whose place its marker tells.
// SPDX-License-Identifier: Apache-2.0

extension CompressedCluster {
    /// Grain `number` of the disk that `header` describes, whose marker is at `sector` of the file; marker and data take at
    /// most `storedByteCountLimit` bytes of it.
    init(
        markedGrain number: UInt64, atSector sector: UInt32, storedByteCountLimit: Int,
        _ header: SparseExtentHeader
    ) {
        // No overflow: the grain is on the disk.
        let start = number * UInt64(header.grainByteCount)
        self.init(
            index: number, storedOffset: UInt64(sector) * 512, storedByteCountLimit: storedByteCountLimit,
            decodedByteCount: header.grainByteCount,
            neededByteCount: Int(min(UInt64(header.grainByteCount), header.virtualByteCount - start)),
            framing: .grainMarker(lba: start / 512))
    }
}
