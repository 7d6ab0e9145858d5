// A streamOptimized image one of whose grains is damaged.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `damaged.vmdk`: ten grains of data, of which the compressed bytes of one are overwritten.
struct DamagedImage {
    let path: String
    /// What the disk held before it was damaged.
    let reference: String

    static let byteCount = 10 * Fixtures.grain
    /// The guest bytes that cannot be read any more.
    static let damaged = 4 * Fixtures.grain..<5 * Fixtures.grain

    /// - Throws: when qemu-img fails, or makes an image in which the grain is not found.
    init(in folder: TestFolder) throws {
        path = folder("damaged.vmdk")
        reference = folder("undamaged.raw")
        try Fixtures.rawDisk(reference, byteCount: Self.byteCount, data: [0..<Self.byteCount], seed: 9)
        try Fixtures.vmdk(reference, to: path)
        var image = try Data(contentsOf: URL(fileURLWithPath: path))
        // The marker of the grain: its first sector as 8 bytes, then the compressed size, then zlib data (0x78).
        var marker = Data(repeating: 0, count: 8)
        let sector = Self.damaged.lowerBound / 512
        marker[0] = UInt8(sector & 0xff)
        marker[1] = UInt8(sector >> 8)
        var found: Int?
        for position in stride(from: 0, to: image.count - 512, by: 512)
        where image[position..<position + 8] == marker && image[position + 12] == 0x78 {
            found = position
        }
        let grain = try #require(found, "the grain's marker")
        // In the middle of the data: the marker and the zlib header stay as they are.
        for position in grain + 30_000..<grain + 30_100 { image[position] ^= 0x5a }
        try image.write(to: URL(fileURLWithPath: path))
    }
}
