// Small compressed files that are built byte by byte.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Files whose content is stored as it is.
enum CompressedSeeds {
    private static let contents: [[UInt8]] = [[], Array("some text".utf8), (0..<200).map { UInt8($0) }]

    /// Frames with their lengths, one that is skipped, and a seek table.
    static let zstd: [[UInt8]] = {
        let frames = contents.dropFirst().map(frame)
        let skipped: [UInt8] = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]
        var table: [UInt8] = []
        for (frame, content) in zip(frames, contents.dropFirst()) {
            table += number(frame.count) + number(content.count)
        }
        table += number(frames.count) + [0, 0xb1, 0xea, 0x92, 0x8f]
        let joined = frames.flatMap { $0 }
        return [
            joined, skipped + joined + skipped,
            joined + [0x5e, 0x2a, 0x4d, 0x18] + number(table.count) + table,
        ]
    }()

    /// One frame of one block that is stored as it is. Spec: RFC 8878, 3.1.1.
    private static func frame(_ content: [UInt8]) -> [UInt8] {
        let block = number(content.count << 3 | 1).prefix(3)
        return [0x28, 0xb5, 0x2f, 0xfd, 0x20, UInt8(content.count)] + block + content
    }

    /// Streams of one block each, by themselves and several with padding.
    static let xz: [[UInt8]] = {
        let streams = contents.map(stream)
        return streams + [Array(streams.joined(separator: [0, 0, 0, 0])) + [0, 0, 0, 0]]
    }()

    /// A stream with one block of one chunk that is stored as it is. Spec: The .xz File Format 1.1.0, 2 to 4.
    private static func stream(_ content: [UInt8]) -> [UInt8] {
        let flags: [UInt8] = [0, 1]
        var block: [UInt8] = checked([2, 0, 0x21, 1, 0, 0, 0, 0])
        if !content.isEmpty {
            block += [1, UInt8((content.count - 1) >> 8), UInt8((content.count - 1) & 0xff)] + content
        }
        block += [0]
        let unpaddedByteCount = block.count + 4
        while block.count % 4 != 0 { block.append(0) }
        block += number(Int(checksum(content)))
        var index: [UInt8] = [0, 1] + variable(unpaddedByteCount) + variable(content.count)
        while index.count % 4 != 0 { index.append(0) }
        index = checked(index)
        let tail = number(index.count / 4 - 1) + flags
        return [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0] + checked(flags) + block + index
            + number(Int(checksum(tail)))
            + tail + Array("YZ".utf8)
    }

    /// A file without content; those with some are made by bzip2(1).
    static let bzip2: [[UInt8]] = [
        Array("BZh9".utf8) + [0x17, 0x72, 0x45, 0x38, 0x50, 0x90, 0, 0, 0, 0]
    ]

    private static func checked(_ bytes: [UInt8]) -> [UInt8] { bytes + number(Int(checksum(bytes))) }

    private static func number(_ value: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private static func variable(_ value: Int) -> [UInt8] {
        value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7f | 0x80)] + variable(value >> 7)
    }

    /// CRC-32, a bit at a time.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~0 as UInt32) { value, byte in
            (0..<8).reduce(value ^ UInt32(byte)) { rest, _ in rest >> 1 ^ (rest & 1 == 1 ? 0xedb8_8320 : 0) }
        }
    }
}
