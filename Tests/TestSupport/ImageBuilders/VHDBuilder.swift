// Builds VHD images.
// SPDX-License-Identifier: Apache-2.0

/// A VHD: fixed, dynamic or differencing.
package struct VHDBuilder: Sendable {
    package enum Kind: UInt32, Sendable {
        case fixed = 2
        case dynamic = 3
        case differencing = 4
    }

    /// A block as a test wants it stored.
    package enum Block: Sendable, Equatable {
        case absent
        case whole
        /// Two sectors of every three; below the others lies something else.
        case part
    }

    package var kind: Kind
    package var blocks: [Block]
    package var blockByteCount = 8_192
    /// In bytes; what the blocks have where it is not given.
    package var virtualByteCount: Int?
    /// The order in which blocks are stored; theirs where it is not given.
    package var order: [Int]?
    package var creator = "win "
    /// Cylinders, heads, sectors.
    package var geometry: (UInt16, UInt8, UInt8) = (0, 0, 0)
    package var identifier = [UInt8](1...16)
    package var parentIdentifier = [UInt8](repeating: 0, count: 16)
    package var parentName: [UInt8] = []
    package var locators: [(platform: String, name: [UInt8])] = []
    /// Entries of the table that no block has.
    package var extraEntryCount = 0
    package var isTableAtEnd = false
    package var footerByteCount = 512
    /// Changes the footers, and the header, before their checksums are made.
    package var editFooter: @Sendable (inout [UInt8]) -> Void = { _ in }
    package var editHeader: @Sendable (inout [UInt8]) -> Void = { _ in }
    /// Makes the contents of disks different.
    package var tag: UInt8 = 1

    package init(_ kind: Kind, _ blocks: [Block]) {
        self.kind = kind
        self.blocks = blocks
    }

    package func with(_ change: (inout VHDBuilder) -> Void) -> VHDBuilder {
        var builder = self
        change(&builder)
        return builder
    }

    package func build() -> BuiltDisk {
        let byteCount = virtualByteCount ?? blocks.count * blockByteCount
        let footer = footer(ofDiskOf: byteCount)
        guard kind != .fixed else {
            var guest: [UInt8] = []
            for (index, block) in blocks.enumerated() {
                guest +=
                    block == .absent
                    ? [UInt8](repeating: 0, count: blockByteCount) : content(ofBlock: index)
            }
            guest = Array(guest.prefix(byteCount))
            var disk = BuiltDisk(
                bytes: guest + footer.prefix(footerByteCount), guest: guest, blockByteCount: blockByteCount)
            disk.records = [guest.count..<disk.bytes.count]
            return disk
        }
        let entryCount = blocks.count + extraEntryCount
        let tableByteCount = (entryCount * 4 + 511) / 512 * 512
        var disk = BuiltDisk(
            bytes: footer + [UInt8](repeating: 0, count: 1_024),
            guest: [UInt8](repeating: 0, count: blocks.count * blockByteCount), blockByteCount: blockByteCount
        )
        if !isTableAtEnd { appendTable(&disk, tableByteCount) }
        var places: [(platform: String, offset: Int, byteCount: Int)] = []
        for (platform, name) in locators {
            places.append((platform, disk.bytes.count, name.count))
            disk.bytes += name
            disk.bytes.padToSector()
        }
        var entries: [Int: UInt32] = [:]
        for index in order ?? Array(blocks.indices) where blocks[index] != .absent {
            entries[index] = UInt32(disk.bytes.count / 512)
            append(index, &disk)
        }
        if isTableAtEnd { appendTable(&disk, tableByteCount) }
        for (index, entry) in entries { disk.bytes.putBigEndian(entry, at: disk.table + index * 4) }
        let header = header(tableOffset: disk.table, entryCount: entryCount, places)
        disk.bytes.put(header, at: 512)
        disk.records = [0..<512, 512..<1_536, disk.table..<(disk.table + entryCount * 4)]
        disk.records.append(disk.bytes.count..<(disk.bytes.count + footerByteCount))
        disk.bytes += footer.prefix(footerByteCount)
        disk.guest = Array(disk.guest.prefix(byteCount))
        return disk
    }

    private func content(ofBlock index: Int) -> [UInt8] {
        SectorContent.bytes(fromSector: index * blockByteCount / 512, byteCount: blockByteCount, tag: tag)
    }

    private func appendTable(_ disk: inout BuiltDisk, _ byteCount: Int) {
        disk.table = disk.bytes.count
        disk.bytes += [UInt8](repeating: 0xff, count: byteCount)
    }

    /// Appends the bitmap and the data of a block.
    private func append(_ index: Int, _ disk: inout BuiltDisk) {
        let sectorCount = blockByteCount / 512
        var bitmap = [UInt8](repeating: 0, count: (sectorCount + 4_095) / 4_096 * 512)
        var data = content(ofBlock: index)
        for sector in 0..<sectorCount {
            guard blocks[index] == .whole || sector % 3 != 0 else {
                data.put([UInt8](repeating: 0xee, count: 512), at: sector * 512)
                continue
            }
            bitmap[sector / 8] |= 0x80 >> UInt8(sector % 8)
            disk.guest.put(data[sector * 512..<(sector + 1) * 512], at: index * blockByteCount + sector * 512)
        }
        disk.bitmaps[index] = disk.bytes.count
        disk.bytes += bitmap
        disk.blocks[index] = disk.bytes.count
        disk.bytes += data
    }

    private func footer(ofDiskOf byteCount: Int) -> [UInt8] {
        var footer = [UInt8](repeating: 0, count: 512)
        footer.put("conectix".utf8, at: 0)
        footer.putBigEndian(UInt32(2), at: 8)
        footer.putBigEndian(UInt32(0x0001_0000), at: 12)
        footer.putBigEndian(kind == .fixed ? UInt64.max : 512, at: 16)
        footer.put(creator.utf8, at: 28)
        footer.putBigEndian(UInt64(byteCount), at: 40)
        footer.putBigEndian(UInt64(byteCount), at: 48)
        footer.putBigEndian(geometry.0, at: 56)
        footer[58] = geometry.1
        footer[59] = geometry.2
        footer.putBigEndian(kind.rawValue, at: 60)
        footer.put(identifier, at: 68)
        editFooter(&footer)
        footer.putVHDChecksum(at: 64)
        return footer
    }

    private func header(
        tableOffset: Int, entryCount: Int, _ places: [(platform: String, offset: Int, byteCount: Int)]
    ) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 1_024)
        header.put("cxsparse".utf8, at: 0)
        header.putBigEndian(UInt64.max, at: 8)
        header.putBigEndian(UInt64(tableOffset), at: 16)
        header.putBigEndian(UInt32(0x0001_0000), at: 24)
        header.putBigEndian(UInt32(entryCount), at: 28)
        header.putBigEndian(UInt32(blockByteCount), at: 32)
        header.put(parentIdentifier, at: 40)
        header.put(parentName, at: 64)
        for (index, place) in places.enumerated() {
            header.put(place.platform.utf8, at: 576 + 24 * index)
            // Sectors, as the specification has it.
            header.putBigEndian(UInt32((place.byteCount + 511) / 512), at: 580 + 24 * index)
            header.putBigEndian(UInt32(place.byteCount), at: 584 + 24 * index)
            header.putBigEndian(UInt64(place.offset), at: 592 + 24 * index)
        }
        editHeader(&header)
        header.putVHDChecksum(at: 36)
        return header
    }
}

extension [UInt8] {
    /// Writes the checksum of these bytes, a VHD's footer or header, at `offset`.
    package mutating func putVHDChecksum(at offset: Int) {
        put(UInt32(0), at: offset)
        putBigEndian(~reduce(UInt32(0)) { $0 &+ UInt32($1) }, at: offset)
    }
}
