// A disk that has nothing of its own.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// What a descriptor declares without a file: all of it is the parent's.
struct BlankImage: DiskImage {
    let format = DiskFormat("none")
    let virtualByteCount: UInt64
    let clusterByteCount = 0
    let allocatedByteCount: UInt64 = 0
    let warnings: [String] = []

    func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        Extent(guestOffset: 0, byteCount: virtualByteCount, storage: .absent)
    }
}
