// The header of a VHD that grows.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The header that leads to the table of blocks.
/// Spec: Microsoft, Virtual Hard Disk Image Format Specification 1.0, "Dynamic Disk Header Format".
struct VHDDynamicHeader: Sendable {
    /// Where the table starts, in bytes.
    let tableOffset: UInt64
    let entryCount: UInt64
    /// What all entries of the table take in the file, those too that the disk does not need.
    let tableRange: Range<UInt64>
    /// Guest bytes of a block: a power of two from 512 bytes to 256 MiB.
    let blockByteCount: UInt64
    /// The identifier of the parent's footer.
    let parentIdentifier: [UInt8]
    /// The parent's name, UTF-16 with the higher byte first, up to a zero.
    let parentName: ArraySlice<UInt8>
    /// Where the names of the parent are.
    let locators: [Locator]

    /// One of eight places of a parent's name.
    struct Locator: Sendable {
        let platform: [UInt8]
        /// In bytes.
        let byteCount: UInt64
        /// In bytes of the file.
        let offset: UInt64
    }

    static let byteCount = 1_024
    private static let blockByteCounts: ClosedRange<UInt64> = 512...(256 << 20)

    /// A block's bitmap has a bit for each sector and is padded to a sector, in bytes.
    var bitmapByteCount: UInt64 { (blockByteCount / 512 + 4_095) / 4_096 * 512 }

    /// - Throws: `ReadError.corrupt` where a field breaks a rule, `ReadError.unsupported` for other versions.
    init(parsing record: OnDiskRecord) throws(ReadError) {
        guard try record.slice(8, at: 0).elementsEqual("cxsparse".utf8) else {
            throw record.corrupt(at: 0, "no cxsparse")
        }
        try record.checkVHDChecksum(at: 36)
        try record.checkVHDVersion(at: 24)
        tableOffset = try record.bigEndian(UInt64.self, at: 16)
        entryCount = UInt64(try record.bigEndian(UInt32.self, at: 28))
        tableRange =
            tableOffset..<(try tableOffset.adding(
                entryCount * 4, in: record.name, at: record.sourceOffset + 16))
        blockByteCount = UInt64(try record.bigEndian(UInt32.self, at: 32))
        guard Self.blockByteCounts.contains(blockByteCount), blockByteCount.nonzeroBitCount == 1 else {
            throw record.corrupt(
                at: 32, "a block has \(blockByteCount) bytes, not a power of two from 512 bytes to 256 MiB")
        }
        parentIdentifier = Array(try record.slice(16, at: 40))
        let name = try record.slice(512, at: 64)
        let units = stride(from: name.startIndex, to: name.endIndex, by: 2)
        let end = units.first { name[$0] == 0 && name[$0 + 1] == 0 } ?? name.endIndex
        parentName = name[..<end]
        var locators: [Locator] = []
        for start in stride(from: 576, to: 768, by: 24) {
            locators.append(
                Locator(
                    platform: Array(try record.slice(4, at: start)),
                    byteCount: UInt64(try record.bigEndian(UInt32.self, at: start + 8)),
                    offset: try record.bigEndian(UInt64.self, at: start + 16)))
        }
        self.locators = locators
    }
}
