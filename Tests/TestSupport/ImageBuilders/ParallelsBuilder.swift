// Builds Parallels disks.
// SPDX-License-Identifier: Apache-2.0

/// An expandable Parallels image of small blocks; it knows no difference between `absent` and `zeros`.
package struct ParallelsBuilder: Sendable {
    package var blocks: [GrainContent]
    /// `WithouFreSpacExt`, whose entries count in blocks, rather than `WithoutFreeSpace`.
    package var isExtended = true
    package var sectorsPerBlock = 8
    package var version: UInt32 = 2
    package var use: UInt32 = 0x312e_3276
    /// The disk's size; all blocks whole where it is not given.
    package var sectorCount: Int?
    package var upperHalfOfSize: UInt32 = 0
    /// The order in which blocks are stored; theirs where it is not given.
    package var order: [Int]?
    package var saysDataOffset = true
    /// Entries of the table that the disk does not need.
    package var spareEntryCount = 0

    package static let tableOffset = 64

    package init(_ blocks: [GrainContent]) {
        self.blocks = blocks
    }

    package func build() -> BuiltImage {
        let blockByteCount = sectorsPerBlock * 512
        let byteCount = sectorCount.map { $0 * 512 } ?? blocks.count * blockByteCount
        let entryCount = blocks.count + spareEntryCount
        let alignment = isExtended ? blockByteCount : 512
        let dataOffset = (Self.tableOffset + entryCount * 4 + alignment - 1) / alignment * alignment
        var bytes = [UInt8](repeating: 0, count: dataOffset)
        var guest = [UInt8](repeating: 0, count: byteCount)
        var places = BuiltImage.Places()
        places.tables[0] = Self.tableOffset
        for index in order ?? Array(blocks.indices) {
            guard let data = blocks[index].bytes(ofGrain: index, byteCount: blockByteCount) else { continue }
            bytes.put(
                UInt32(bytes.count / (isExtended ? blockByteCount : 512)), at: Self.tableOffset + index * 4)
            places.grains[index] = bytes.count
            places.storedByteCounts[index] = data.count
            bytes += data
            let start = index * blockByteCount
            guest.put(data.prefix(byteCount - start), at: start)
        }
        bytes.put(Array((isExtended ? "WithouFreSpacExt" : "WithoutFreeSpace").utf8), at: 0)
        bytes.put(version, at: 16)
        // Heads and cylinders, which nobody needs.
        bytes.put(UInt64(0x0000_0010_0000_0400), at: 20)
        bytes.put(UInt32(sectorsPerBlock), at: 28)
        bytes.put(UInt32(entryCount), at: 32)
        bytes.put(UInt32(byteCount / 512), at: 36)
        bytes.put(upperHalfOfSize, at: 40)
        bytes.put(use, at: 44)
        bytes.put(UInt32(saysDataOffset ? dataOffset / 512 : 0), at: 48)
        return BuiltImage(
            bytes: bytes, guest: guest, grainByteCount: blockByteCount, entriesPerTable: max(1, blocks.count),
            places: places)
    }
}

extension ParallelsBuilder {
    /// The same with `change`.
    package func with(_ change: (inout ParallelsBuilder) -> Void) -> ParallelsBuilder {
        var result = self
        change(&result)
        return result
    }
}
