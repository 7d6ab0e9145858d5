// Builds VirtualBox disks.
// SPDX-License-Identifier: Apache-2.0

/// A VDI file of small blocks. Of the contents, `absent` is a free block and `zeros` a discarded one.
package struct VDIBuilder: Sendable {
    package var blocks: [GrainContent]
    package var blockByteCount = 4_096
    /// What stands in front of each block, in bytes; filled with noise.
    package var extraByteCount = 0
    /// 1 normal, 2 fixed, 3 undo, 4 differencing.
    package var type: UInt32 = 1
    package var version: UInt32 = 0x0001_0001
    package var headerByteCount: UInt32 = 400
    /// The disk's size; all blocks whole where it is not given.
    package var diskByteCount: Int?
    /// The order in which blocks are stored; theirs where it is not given.
    package var order: [Int]?
    /// Entries of the map that the disk does not need.
    package var spareEntryCount = 0
    /// Blocks that are in the file and that no entry names, before all others.
    package var unusedBlockCount = 0
    package var creation = [UInt8](repeating: 0xc1, count: 16)
    package var modification = [UInt8](repeating: 0xd1, count: 16)
    package var parentCreation = [UInt8](repeating: 0, count: 16)
    package var parentModification = [UInt8](repeating: 0, count: 16)

    package static let mapOffset = 512

    package init(_ blocks: [GrainContent]) {
        self.blocks = blocks
    }

    package func build() -> BuiltImage {
        let byteCount = diskByteCount ?? blocks.count * blockByteCount
        let entryCount = blocks.count + spareEntryCount
        let dataOffset = (Self.mapOffset + entryCount * 4 + 511) / 512 * 512
        var bytes = [UInt8](repeating: 0, count: dataOffset)
        var guest = [UInt8](repeating: 0, count: byteCount)
        var places = BuiltImage.Places()
        places.tables[0] = Self.mapOffset
        var random = SeededRandom(seed: 7)
        for _ in 0..<unusedBlockCount { bytes += random.bytes(extraByteCount + blockByteCount) }
        for index in 0..<entryCount { bytes.put(UInt32.max, at: Self.mapOffset + index * 4) }
        for index in order ?? Array(blocks.indices) {
            let entry = Self.mapOffset + index * 4
            if blocks[index] == .zeros { bytes.put(UInt32.max - 1, at: entry) }
            guard let data = blocks[index].bytes(ofGrain: index, byteCount: blockByteCount) else { continue }
            bytes.put(UInt32((bytes.count - dataOffset) / (extraByteCount + blockByteCount)), at: entry)
            bytes += random.bytes(extraByteCount)
            places.grains[index] = bytes.count
            places.storedByteCounts[index] = data.count
            bytes += data
            let start = index * blockByteCount
            guest.put(data.prefix(byteCount - start), at: start)
        }
        putHeader(into: &bytes, entryCount: entryCount, dataOffset: dataOffset, byteCount: byteCount)
        return BuiltImage(
            bytes: bytes, guest: guest, grainByteCount: blockByteCount, entriesPerTable: max(1, blocks.count),
            places: places)
    }

    private func putHeader(into bytes: inout [UInt8], entryCount: Int, dataOffset: Int, byteCount: Int) {
        bytes.put(Array("<<< a disk that a test made >>>\n".utf8), at: 0)
        bytes.put(UInt32(0xbeda_107f), at: 64)
        bytes.put(version, at: 68)
        bytes.put(headerByteCount, at: 72)
        bytes.put(type, at: 76)
        bytes.put(UInt32(Self.mapOffset), at: 340)
        bytes.put(UInt32(dataOffset), at: 344)
        bytes.put(UInt64(byteCount), at: 368)
        bytes.put(UInt32(blockByteCount), at: 376)
        bytes.put(UInt32(extraByteCount), at: 380)
        bytes.put(UInt32(entryCount), at: 384)
        bytes.put(UInt32(blocks.count), at: 388)
        bytes.put(creation, at: 392)
        bytes.put(modification, at: 408)
        bytes.put(parentCreation, at: 424)
        bytes.put(parentModification, at: 440)
    }
}

extension VDIBuilder {
    /// The same with `change`.
    package func with(_ change: (inout VDIBuilder) -> Void) -> VDIBuilder {
        var result = self
        change(&result)
        return result
    }
}
