// Builds VHDX images.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A VHDX: fixed, dynamic or differencing. From byte 0 on a MiB each for headers, log and metadata, then the table of blocks,
/// bitmaps and blocks.
package struct VHDXBuilder: Sendable {
    /// A block as a test wants it stored: by its state.
    package enum Block: UInt64, Sendable {
        case absent = 0
        case undefined = 1
        case zero = 2
        case unmapped = 3
        case whole = 6
        /// Two sectors of every three; below the others lies something else.
        case part = 7
    }

    package var blocks: [Block]
    package var blockByteCount = 1 << 20
    package var sectorByteCount = 512
    /// In bytes; what the blocks have where it is not given.
    package var virtualByteCount: Int?
    /// The order in which blocks are stored; theirs where it is not given.
    package var order: [Int]?
    package var isFixed = false
    /// Keys and values of the parent locator; nil for a disk of its own.
    package var parent: [(key: String, value: String)]?
    package var parentLocatorType = "{b04aefb7-d19e-4a81-b789-25b8e9445913}"
    package var dataWriteIdentifier = [UInt8](1...16)
    package var tableByteCount = 1 << 20
    /// Makes the contents of disks different.
    package var tag: UInt8 = 1

    package static let logOffset = 1 << 20
    package static let logByteCount = 1 << 20
    package static let metadataOffset = 2 << 20
    package static let tableOffset = 3 << 20
    /// Where the items of the metadata are in the file, one behind the other.
    package static let itemsOffset = metadataOffset + 65_536

    package init(_ blocks: [Block]) {
        self.blocks = blocks
    }

    package func with(_ change: (inout VHDXBuilder) -> Void) -> VHDXBuilder {
        var builder = self
        change(&builder)
        return builder
    }

    private var blocksPerBitmap: Int { (sectorByteCount << 23) / blockByteCount }

    /// Where the entry of `block` is, in bytes of the file.
    package func entryOffset(ofBlock block: Int) -> Int {
        Self.tableOffset + (block + block / blocksPerBitmap) * 8
    }

    /// Where the entry of bitmap `number` is, in bytes of the file.
    package func entryOffset(ofBitmap number: Int) -> Int {
        Self.tableOffset + (number * (blocksPerBitmap + 1) + blocksPerBitmap) * 8
    }

    package func build() -> BuiltDisk {
        let byteCount = virtualByteCount ?? blocks.count * blockByteCount
        var disk = BuiltDisk(
            bytes: [UInt8](repeating: 0, count: Self.tableOffset + tableByteCount),
            guest: [UInt8](repeating: 0, count: blocks.count * blockByteCount), blockByteCount: blockByteCount
        )
        disk.table = Self.tableOffset
        disk.bytes.put("vhdxfile".utf8, at: 0)
        disk.bytes.put([UInt8].utf16("made by a test", highestByteFirst: false), at: 8)
        for (index, offset) in [64 << 10, 128 << 10].enumerated() {
            disk.bytes.put(header(sequenceNumber: UInt64(index + 7)), at: offset)
        }
        for offset in [192 << 10, 256 << 10] { disk.bytes.put(regionTable(), at: offset) }
        disk.bytes.put(metadata(ofDiskOf: byteCount), at: Self.metadataOffset)
        for number in Set(blocks.indices.filter { blocks[$0] == .part }.map { $0 / blocksPerBitmap }).sorted()
        {
            disk.bitmaps[number] = disk.bytes.count
            disk.bytes.put(UInt64(disk.bytes.count) | 6, at: entryOffset(ofBitmap: number))
            disk.bytes += [UInt8](repeating: 0, count: 1 << 20)
        }
        for index in order ?? Array(blocks.indices) {
            var entry = blocks[index].rawValue
            if blocks[index] == .whole || blocks[index] == .part {
                entry |= UInt64(disk.bytes.count)
                append(index, &disk)
            }
            disk.bytes.put(entry, at: entryOffset(ofBlock: index))
        }
        disk.guest = Array(disk.guest.prefix(byteCount))
        disk.records = [
            (64 << 10)..<(68 << 10), (128 << 10)..<(132 << 10), (192 << 10)..<(192 << 10) + 80,
            Self.metadataOffset..<(Self.metadataOffset + 256), Self.itemsOffset..<(Self.itemsOffset + 64),
            Self.tableOffset..<(entryOffset(ofBlock: blocks.count - 1) + 8),
        ]
        return disk
    }

    /// Appends the data of a block, and sets its bits.
    private func append(_ index: Int, _ disk: inout BuiltDisk) {
        disk.blocks[index] = disk.bytes.count
        var data = SectorContent.bytes(
            fromSector: index * blockByteCount / 512, byteCount: blockByteCount, tag: tag)
        if blocks[index] == .part, let bitmap = disk.bitmaps[index / blocksPerBitmap] {
            let sectorCount = blockByteCount / sectorByteCount
            for sector in 0..<sectorCount {
                let place = index % blocksPerBitmap * sectorCount + sector
                let bytes = sector * sectorByteCount..<(sector + 1) * sectorByteCount
                if sector % 3 == 0 {
                    data.put([UInt8](repeating: 0xee, count: sectorByteCount), at: bytes.lowerBound)
                } else {
                    disk.bytes[bitmap + place / 8] |= 1 << UInt8(place % 8)
                    disk.guest.put(data[bytes], at: index * blockByteCount + bytes.lowerBound)
                }
            }
        } else {
            disk.guest.put(data, at: index * blockByteCount)
        }
        disk.bytes += data
    }

    private func header(sequenceNumber: UInt64) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 4_096)
        header.put("head".utf8, at: 0)
        header.put(sequenceNumber, at: 8)
        header.put([UInt8](repeating: 3, count: 16), at: 16)
        header.put(dataWriteIdentifier, at: 32)
        header.put(UInt16(1), at: 66)
        header.put(UInt32(Self.logByteCount), at: 68)
        header.put(UInt64(Self.logOffset), at: 72)
        header.putVHDXChecksum()
        return header
    }

    private func regionTable() -> [UInt8] {
        var table = [UInt8](repeating: 0, count: 65_536)
        table.put("regi".utf8, at: 0)
        table.put(UInt32(2), at: 8)
        let regions = [
            ("{2dc27766-f623-4200-9d64-115e9bfd4a08}", Self.tableOffset, tableByteCount),
            ("{8b7ca206-4790-4b9a-b8fe-575f050f886e}", Self.metadataOffset, 1 << 20),
        ]
        for (index, (identifier, offset, byteCount)) in regions.enumerated() {
            table.put([UInt8].identifier(identifier), at: 16 + 32 * index)
            table.put(UInt64(offset), at: 32 + 32 * index)
            table.put(UInt32(byteCount), at: 40 + 32 * index)
            table.put(UInt32(1), at: 44 + 32 * index)
        }
        table.putVHDXChecksum()
        return table
    }

    /// The items of the metadata, in this order: parameters, size of the disk, of a sector, identifier, parent.
    private func metadata(ofDiskOf byteCount: Int) -> [UInt8] {
        func number<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: Value.bitWidth / 8)
            bytes.put(value, at: 0)
            return bytes
        }
        let flags = UInt32(isFixed ? 1 : 0) | UInt32(parent == nil ? 0 : 2)
        var items: [(String, flags: UInt32, [UInt8])] = [
            ("{caa16737-fa36-4d43-b3b6-33f0aa44e76b}", 4, number(UInt32(blockByteCount)) + number(flags)),
            ("{2fa54224-cd1b-4876-b211-5dbed83bf4b8}", 6, number(UInt64(byteCount))),
            ("{8141bf1d-a96f-4709-ba47-f233a8faab5f}", 6, number(UInt32(sectorByteCount))),
            ("{cda348c7-445d-4471-9cc9-e9885251c556}", 6, number(UInt32(4_096))),
            ("{beca12ab-b2e6-4523-93ef-c309e000c746}", 6, [UInt8](repeating: 9, count: 16)),
        ]
        if let parent { items.append(("{a8d35f2d-b30b-454d-abf7-d3d84834ab0c}", 4, locator(parent))) }
        var table = [UInt8](repeating: 0, count: 65_536)
        table.put("metadata".utf8, at: 0)
        table.put(UInt16(items.count), at: 10)
        var contents: [UInt8] = []
        for (index, (identifier, flags, content)) in items.enumerated() {
            table.put([UInt8].identifier(identifier), at: 32 + 32 * index)
            table.put(UInt32(65_536 + contents.count), at: 48 + 32 * index)
            table.put(UInt32(content.count), at: 52 + 32 * index)
            table.put(flags, at: 56 + 32 * index)
            contents += content
        }
        return table + contents
    }

    private func locator(_ pairs: [(key: String, value: String)]) -> [UInt8] {
        var record =
            [UInt8].identifier(parentLocatorType) + [UInt8](repeating: 0, count: 4 + 12 * pairs.count)
        record.put(UInt16(pairs.count), at: 18)
        for (index, pair) in pairs.enumerated() {
            let texts = [pair.key, pair.value].map { [UInt8].utf16($0, highestByteFirst: false) }
            record.put(UInt32(record.count), at: 20 + 12 * index)
            record.put(UInt32(record.count + texts[0].count), at: 24 + 12 * index)
            record.put(UInt16(texts[0].count), at: 28 + 12 * index)
            record.put(UInt16(texts[1].count), at: 30 + 12 * index)
            record += texts[0] + texts[1]
        }
        return record
    }
}

extension [UInt8] {
    /// A GUID as VHDX stores it: the first three fields turned around.
    package static func identifier(_ text: String) -> [UInt8] {
        let digits = text.filter(\.isHexDigit)
        let bytes = stride(from: 0, to: digits.count, by: 2).map { start in
            UInt8(digits.dropFirst(start).prefix(2), radix: 16) ?? 0
        }
        return bytes[0..<4].reversed() + bytes[4..<6].reversed() + bytes[6..<8].reversed() + bytes[8...]
    }

    /// Writes the CRC-32C of these bytes at byte 4.
    package mutating func putVHDXChecksum() {
        put(CyclicRedundancyCheck.castagnoli.checksum(of: self, blank: 4..<8), at: 4)
    }
}

extension BuiltDisk {
    /// Changes `byteCount` bytes of a VHDX at `offset` that have a checksum of their own, such as a header's 4,096.
    package mutating func editVHDX(_ byteCount: Int, at offset: Int, _ edit: (inout [UInt8]) -> Void) {
        var record = Array(bytes[offset..<(offset + byteCount)])
        edit(&record)
        record.putVHDXChecksum()
        bytes.put(record, at: offset)
    }

    /// Changes both headers of a VHDX.
    package mutating func editVHDXHeaders(_ edit: (inout [UInt8]) -> Void) {
        for offset in [64 << 10, 128 << 10] { editVHDX(4_096, at: offset, edit) }
    }

    /// Changes both region tables of a VHDX.
    package mutating func editVHDXRegions(_ edit: (inout [UInt8]) -> Void) {
        for offset in [192 << 10, 256 << 10] { editVHDX(65_536, at: offset, edit) }
    }
}
