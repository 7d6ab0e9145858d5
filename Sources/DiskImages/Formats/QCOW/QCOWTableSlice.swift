// The part of a second-level table that is read and cached at once.
// SPDX-License-Identifier: Apache-2.0

/// At most 16 KiB of a table.
struct QCOWTableSlice {
    /// Where the slice starts, in bytes of the file.
    let offset: UInt64
    /// How much of it is in the file, in bytes: whole entries.
    let presentByteCount: UInt64
    /// The first guest byte that it leads to.
    let guestStart: UInt64
    /// The first guest byte that it does not lead to any more.
    let guestEnd: UInt64
    private let clusterBits: UInt64

    /// The slice that leads to guest byte `position`, of the table at byte `tableStart` of `file`, which has that byte.
    init(of tableStart: UInt64, in file: QCOWFile, containing position: UInt64) {
        let geometry = file.geometry
        clusterBits = geometry.clusterBits
        let guestBits = geometry.sliceEntryBits + geometry.clusterBits
        guestStart = position & ~(1 << guestBits - 1)
        guestEnd = guestStart + 1 << guestBits
        let number = position >> guestBits & (1 << (geometry.tableBits - geometry.sliceEntryBits) - 1)
        let byteBits = geometry.sliceEntryBits + geometry.entryBits
        offset = tableStart + number << byteBits
        let available = file.available(from: offset) & ~(geometry.entryByteCount - 1)
        presentByteCount = min(1 << byteBits, available)
    }

    /// The index of the entry of guest byte `position`, in the slice.
    func index(of position: UInt64) -> Int { Int((position - guestStart) >> clusterBits) }

    /// The guest bytes of the clusters of entries `indices`.
    func guestRange(_ indices: Range<Int>) -> Range<UInt64> {
        (guestStart + UInt64(indices.lowerBound) << clusterBits)..<(guestStart + UInt64(indices.upperBound)
            << clusterBits)
    }
}
