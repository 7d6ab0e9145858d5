// The header of a zstd frame.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// What a frame says of itself.
/// Spec: RFC 8878, 3.1.1.1 "Frame_Header", 3.1.2 "Skippable Frames".
struct ZstdFrameHeader: Equatable {
    /// Length of the header, in bytes.
    let byteCount: Int
    /// Length of what it decodes to, in bytes; nil where it is not said.
    let contentByteCount: UInt64?
    /// How far back a block may refer, in bytes.
    let windowByteCount: UInt64
    /// Whether a checksum follows the last block.
    let hasChecksum: Bool
    /// The dictionary that it was compressed with; 0 for none.
    let dictionary: UInt64

    /// The longest header, in bytes.
    static let largestByteCount = 18
    private static let magic: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd]

    static func isFrame(_ bytes: ArraySlice<UInt8>) -> Bool { bytes.starts(with: magic) }

    /// Reads a header; nil where `bytes` end inside of it.
    /// - Throws: `ReadError.corrupt` where a reserved bit is set.
    init?(_ bytes: ArraySlice<UInt8>, record: String, at offset: UInt64) throws(ReadError) {
        var rest = bytes.dropFirst(4)
        guard bytes.starts(with: Self.magic), let descriptor = rest.popFirst() else { return nil }
        guard descriptor & 8 == 0 else {
            throw .corrupt(record: record, offset: offset, reason: "a reserved bit of its header is set")
        }
        let isSingleSegment = descriptor & 0x20 != 0
        var window: UInt64?
        if !isSingleSegment {
            guard let byte = rest.popFirst() else { return nil }
            // At most 2^41 and seven eighths of it.
            let base = UInt64(1) << (10 + UInt64(byte >> 3))
            window = base + base / 8 * UInt64(byte & 7)
        }
        func number(_ byteCount: Int) -> UInt64? {
            guard rest.count >= byteCount else { return nil }
            let value = rest.prefix(byteCount).reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
            rest = rest.dropFirst(byteCount)
            return value
        }
        guard let dictionary = number([0, 1, 2, 4][Int(descriptor & 3)]) else { return nil }
        let lengthByteCount = [isSingleSegment ? 1 : 0, 2, 4, 8][Int(descriptor >> 6)]
        guard let length = number(lengthByteCount) else { return nil }
        // The form of two bytes leaves out what that of one byte can say.
        contentByteCount = lengthByteCount == 0 ? nil : length &+ (lengthByteCount == 2 ? 256 : 0)
        windowByteCount = window ?? contentByteCount ?? 0
        hasChecksum = descriptor & 4 != 0
        self.dictionary = dictionary
        byteCount = bytes.count - rest.count
    }
}
