// An image of blocks that a builder made, and where its parts are, so that a test can damage one.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// The bytes of an image file with one table of blocks, and the disk that they stand for.
package struct BuiltDisk: Sendable {
    package var bytes: [UInt8]
    /// The whole guest disk; what is absent is zeros.
    package var guest: [UInt8]
    package let blockByteCount: Int
    /// Where the table of blocks is, in bytes of the file.
    package var table = 0
    /// Where the data of each block starts that is stored, by its number.
    package var blocks: [Int: Int] = [:]
    /// Where bitmaps start: with VHD by the number of their block, with VHDX by their own.
    package var bitmaps: [Int: Int] = [:]
    /// What describes the image, in bytes of the file.
    package var records: [Range<Int>] = []

    package init(bytes: [UInt8], guest: [UInt8], blockByteCount: Int) {
        self.bytes = bytes
        self.guest = guest
        self.blockByteCount = blockByteCount
    }

    package var source: MemorySource { MemorySource(bytes) }

    /// Block `index`, in guest bytes.
    package func guestRange(ofBlock index: Int) -> Range<UInt64> {
        UInt64(index * blockByteCount)..<UInt64(min((index + 1) * blockByteCount, guest.count))
    }

    /// The data of block `index` in the file.
    package func offset(ofBlock index: Int) -> Int {
        guard let offset = blocks[index] else { preconditionFailure("block \(index) is not stored") }
        return offset
    }

    package func with(_ change: (inout BuiltDisk) -> Void) -> BuiltDisk {
        var disk = self
        change(&disk)
        return disk
    }
}

/// What the sectors of built disks hold.
enum SectorContent {
    /// The bytes of guest sectors from `first` on, `byteCount` bytes that tell where they are from, none of them zero.
    static func bytes(fromSector first: Int, byteCount: Int, tag: UInt8) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        for sector in first..<(first + byteCount / 512) {
            var content = [UInt8](repeating: UInt8(truncatingIfNeeded: sector) | 1, count: 512)
            content.put(UInt32(truncatingIfNeeded: sector) | 0x8080_8080, at: 0)
            content[4] = tag
            bytes += content
        }
        return bytes
    }
}

extension [UInt8] {
    /// Writes `value` at `offset`, highest byte first, over what is there.
    package mutating func putBigEndian<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        put(value.byteSwapped, at: offset)
    }

    /// Text in UTF-16.
    package static func utf16(_ text: String, highestByteFirst: Bool) -> [UInt8] {
        text.utf16.flatMap { unit in
            let bytes = [UInt8(unit >> 8), UInt8(unit & 0xff)]
            return highestByteFirst ? bytes : bytes.reversed()
        }
    }
}
