// Builds cloop files.
// SPDX-License-Identifier: Apache-2.0

/// A compressed loop disk of small blocks; `absent` and `zeros` are stored, as zeros.
package struct CloopBuilder: Sendable {
    package var blocks: [GrainContent]
    package var blockByteCount = 4_096
    /// Level 0 stores blocks, so that they are longer than what they hold.
    package var level: Int32 = 6

    package static let tableOffset = 136

    package init(_ blocks: [GrainContent]) {
        self.blocks = blocks
    }

    package func build() -> BuiltImage {
        var bytes = [UInt8](repeating: 0, count: Self.tableOffset + (blocks.count + 1) * 8)
        bytes.put(
            Array("#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660\n".utf8), at: 0)
        bytes.put(UInt32(blockByteCount).bigEndian, at: 128)
        bytes.put(UInt32(blocks.count).bigEndian, at: 132)
        var guest: [UInt8] = []
        var places = BuiltImage.Places()
        for (index, block) in blocks.enumerated() {
            let data =
                block.bytes(ofGrain: index, byteCount: blockByteCount)
                ?? [UInt8](repeating: 0, count: blockByteCount)
            let compressed = ZlibCompressor.compress(data, level: level)
            bytes.put(UInt64(bytes.count).bigEndian, at: Self.tableOffset + index * 8)
            places.grains[index] = bytes.count
            places.storedByteCounts[index] = compressed.count
            bytes += compressed
            guest += data
        }
        bytes.put(UInt64(bytes.count).bigEndian, at: Self.tableOffset + blocks.count * 8)
        return BuiltImage(
            bytes: bytes, guest: guest, grainByteCount: blockByteCount, entriesPerTable: max(1, blocks.count),
            places: places)
    }
}

extension CloopBuilder {
    /// A file of `count` blocks of `byteCount` bytes each, of which number n holds nothing but the byte n + 1.
    package static func uniform(_ count: Int, blockByteCount byteCount: Int) -> [UInt8] {
        var bytes = CloopBuilder([]).with { $0.blockByteCount = byteCount }.build().bytes
        bytes.put(UInt32(count).bigEndian, at: 132)
        bytes += [UInt8](repeating: 0, count: count * 8)
        for index in 0..<count {
            bytes.put(UInt64(bytes.count).bigEndian, at: tableOffset + index * 8)
            bytes += ZlibCompressor.compress(
                [UInt8](repeating: UInt8(truncatingIfNeeded: index + 1), count: byteCount), level: 1)
        }
        bytes.put(UInt64(bytes.count).bigEndian, at: tableOffset + count * 8)
        return bytes
    }

    /// The same with `change`.
    package func with(_ change: (inout CloopBuilder) -> Void) -> CloopBuilder {
        var result = self
        change(&result)
        return result
    }
}
