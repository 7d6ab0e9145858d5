// Tests of what stands in front of a grain.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("The marker of a grain")
struct GrainMarkerTests {
    private static let grainByteCount = 4_096

    private func payload(
        _ stored: [UInt8], _ framing: CompressedCluster.Framing, at offset: UInt64 = 512,
        fileByteCount: UInt64 = 1 << 20
    ) throws(ReadError) -> Range<Int> {
        let cluster = CompressedCluster(
            index: 3, storedOffset: offset, storedByteCountLimit: 2 * Self.grainByteCount + 512,
            decodedByteCount: Self.grainByteCount, neededByteCount: Self.grainByteCount, framing: framing)
        // SAFETY: bytes have no padding.
        return try GrainMarker.payload(
            in: unsafe stored.span.bytes, of: cluster, fileByteCount: fileByteCount)
    }

    private func marker(lba: UInt64, size: UInt32) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 64)
        bytes.put(lba, at: 0)
        bytes.put(size, at: 8)
        return bytes
    }

    @Test(
        "the zlib data follows LBA and size, and may end behind the bytes at hand",
        arguments: [1, 52, 5_000, 8_192])
    func place(size: Int) throws {
        let range = try payload(marker(lba: 24, size: UInt32(size)), .grainMarker(lba: 24))
        #expect(range == 12..<(12 + size))
    }

    @Test("another LBA is damage that names both")
    func otherLBA() {
        #expect(
            throws: ReadError.corrupt(
                record: "grain marker", offset: 512, reason: "grain marker names LBA 32, expected 24")
        ) { try payload(marker(lba: 32, size: 100), .grainMarker(lba: 24)) }
    }

    @Test("an impossible size is damage, whatever is at hand", arguments: [0, 8_193, UInt32.max])
    func impossibleSize(size: UInt32) {
        #expect(throws: ReadError.self) { try payload(marker(lba: 24, size: size), .grainMarker(lba: 24)) }
        var sizeOnly = [UInt8](repeating: 1, count: 16)
        sizeOnly.put(size, at: 0)
        #expect(throws: ReadError.self) { try payload(sizeOnly, .grainMarkerOrSize(lba: 24, preceding: nil)) }
    }

    @Test("data that would end past the file is damage, to the byte")
    func pastTheFile() throws {
        let bytes = marker(lba: 24, size: 100)
        #expect(try payload(bytes, .grainMarker(lba: 24), fileByteCount: 512 + 112) == 12..<112)
        #expect(throws: ReadError.self) {
            try payload(bytes, .grainMarker(lba: 24), fileByteCount: 512 + 111)
        }
        #expect(throws: ReadError.self) { try payload(bytes, .grainMarker(lba: 24), fileByteCount: 10) }
    }

    @Test("a marker that is cut off is damage", arguments: 0..<12)
    func cutOff(byteCount: Int) {
        let bytes = Array(marker(lba: 24, size: 100).prefix(byteCount))
        #expect(throws: ReadError.self) { try payload(bytes, .grainMarker(lba: 24)) }
    }

    @Test("without the marker flag, a marker with the right LBA is a marker, and anything else a size")
    func markerOrSize() throws {
        #expect(
            try payload(marker(lba: 24, size: 100), .grainMarkerOrSize(lba: 24, preceding: nil)) == 12..<112)
        var sizeOnly = [UInt8](repeating: 0x78, count: 16)
        sizeOnly.put(UInt32(100), at: 0)
        #expect(try payload(sizeOnly, .grainMarkerOrSize(lba: 24, preceding: nil)) == 4..<104)
        #expect(
            try payload(Array(sizeOnly.prefix(4)), .grainMarkerOrSize(lba: 24, preceding: nil)) == 4..<104)
        #expect(throws: ReadError.self) {
            try payload(Array(sizeOnly.prefix(3)), .grainMarkerOrSize(lba: 24, preceding: nil))
        }
    }
}
