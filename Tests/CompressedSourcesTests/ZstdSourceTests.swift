// Tests of zstd files.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import CompressedSources

@Suite("A zstd file")
struct ZstdSourceTests {
    private static func frame(_ bytes: [UInt8], _ options: String...) throws -> [UInt8] {
        try CompressionProgram.compress(bytes, ["zstd", "-q"] + options)
    }

    @Test("frames that may be skipped are skipped: in front, between and behind")
    func skippable() throws {
        let first = GzipSourceTests.content(10_000)
        let second = GzipSourceTests.content(20_000, seed: 2)
        let skipped = ZstdParts.skippable([1, 2, 3], number: 7)
        let stored =
            try skipped + Self.frame(first) + ZstdParts.skippable([]) + Self.frame(second) + skipped
        #expect(CompressionFormat(firstBytes: stored) == .zstd)
        let source = try OpeningContext().open(stored)
        #expect(try source.bytes(30_000, at: 0) == first + second)
        #expect(throws: ReadError.self) { try OpeningContext().open(skipped + skipped) }
        #expect(throws: ReadError.self) { try OpeningContext().open(Array(stored.dropLast(1))) }
    }

    @Test("frames that do not say how long they are are decoded once, and found right on the way")
    func unknownLengths() throws {
        let parts = (1..<6).map { GzipSourceTests.content($0 * 100_000, seed: UInt64($0)) }
        let stored = try parts.flatMap { try ZstdParts.withoutContentSize(Self.frame($0)) }
        let source = try OpeningContext().open(stored)
        let content = parts.flatMap { $0 }
        #expect(try source.bytes(content.count, at: 0).holds(content, at: 0))
        var damaged = stored
        damaged[stored.count / 2] ^= 0x10
        #expect(throws: ReadError.self) { try OpeningContext().open(damaged) }
    }

    @Test("what is damaged in one frame answers an error that names it; the others are read")
    func damagedFrame() throws {
        let parts = (0..<4).map { GzipSourceTests.content(300_000, seed: UInt64($0)) }
        let frames = try parts.map { try Self.frame($0) }
        var stored = frames.flatMap { $0 }
        // The content's checksum at the end of the second.
        stored[frames[0].count + frames[1].count - 2] ^= 1
        let source = try OpeningContext().open(stored)
        #expect(source.byteCount == 1_200_000)
        let error = #expect(throws: ReadError.self) { try source.bytes(10, at: 300_000) }
        #expect("\(try #require(error))".contains("zstd frame 2"))
        #expect(try source.bytes(300_000, at: 0) == parts[0])
        #expect(try source.bytes(600_000, at: 600_000) == parts[2] + parts[3])
    }

    @Test(
        "a bit wrong in the header of any frame never moves or shortens what can be read",
        arguments: [
            [65_536], [65_536, 65_536], [65_536, 65_536, 65_536], [65_536, 65_536, 65_536, 1_024],
        ],
        [true, false])
    func damagedLengths(counts: [Int], hasChecksums: Bool) throws {
        let parts = counts.enumerated().map { GzipSourceTests.content($1, seed: UInt64($0)) }
        let content = parts.flatMap { $0 }
        let frames = try parts.map { try Self.frame($0, hasChecksums ? "--check" : "--no-check") }
        var start = 0
        for frame in frames {
            for bit in 0..<(try ZstdParts.header(of: frame).byteCount * 8) {
                var stored = frames.flatMap { $0 }
                stored[start + bit / 8] ^= 1 << UInt8(bit % 8)
                for cacheByteLimit in [64 << 20, 1 << 10] {
                    guard let source = try? OpeningContext(cacheByteLimit: cacheByteLimit).open(stored) else {
                        continue
                    }
                    var isDamaged = source.byteCount != UInt64(content.count)
                    for place in stride(from: 0, to: source.byteCount, by: 1_024) {
                        let count = Int(min(1_024, source.byteCount - place))
                        guard let part = try? source.bytes(count, at: place) else {
                            isDamaged = true
                            continue
                        }
                        #expect(content.holds(part, at: Int(place)), "bit \(bit) of the frame at \(start)")
                    }
                    // A disk of another length never reads to its end.
                    if isDamaged {
                        #expect(throws: ReadError.self, "bit \(bit) of the frame at \(start)") {
                            try source.bytes(Int(source.byteCount), at: 0)
                        }
                        #expect(source.byteCount > 0)
                    }
                }
            }
            start += frame.count
        }
    }

    @Test("frames of several lengths are all decoded to open; of one length none is")
    func vouchedLengths() throws {
        var random = SeededRandom(seed: 5)
        for (counts, isDecoded) in [
            ([300_000, 300_000, 300_000, 10_000], false), ([300_000], false), ([300_000, 300_000], true),
            ([300_000, 299_999, 300_000], true),
        ] {
            let content = random.bytes(counts.reduce(0, +))
            var stored: [UInt8] = []
            var start = 0
            for count in counts {
                stored += try Self.frame(Array(content[start..<(start + count)]))
                start += count
            }
            let counted = CountingSource(MemorySource(stored))
            let source = try OpeningContext().open(counted)
            #expect((counted.bytesRead >= stored.count) == isDecoded)
            #expect(try source.bytes(content.count, at: 0).holds(content, at: 0))
        }
    }

    @Test("a damaged last frame leaves the others readable")
    func damagedLastFrame() throws {
        let parts = (0..<3).map { GzipSourceTests.content(100_000, seed: UInt64($0)) }
        var stored = try parts.flatMap { try Self.frame($0) }
        stored[stored.count - 1] ^= 1
        let source = try OpeningContext().open(stored)
        #expect(try source.bytes(200_000, at: 0) == parts[0] + parts[1])
        #expect(throws: ReadError.self) { try source.bytes(1, at: 299_999) }
    }

    @Test(
        "without checksums, damage at the end leaves what is before it readable",
        arguments: [64 << 20, 1 << 20])
    func damagedWithoutChecksum(cacheByteLimit: Int) throws {
        let content = GzipSourceTests.content(3_000_000)
        var stored = try Self.frame(content, "--no-check")
        // What the last block begins with says that its literals are longer than a block may be.
        let block = try ZstdParts.lastBlock(of: stored)
        try #require(block.isCompressed)
        stored.replaceSubrange(block.start..<block.start + 5, with: repeatElement(0xff, count: 5))
        let source = try OpeningContext(cacheByteLimit: cacheByteLimit).open(stored)
        #expect(throws: ReadError.self) { try source.bytes(10, at: 2_999_980) }
        // Small enough for the cache, all of it is decoded at once, and nothing of it shown.
        if cacheByteLimit > 4 << 20 {
            #expect(throws: ReadError.self) { try source.bytes(500_000, at: 0) }
        } else {
            #expect(try source.bytes(500_000, at: 0).holds(Array(content[..<500_000]), at: 0))
        }
    }

    @Test("a seek table tells where the frames are: little is read to open, and its checksums count")
    func seekTable() throws {
        let parts = (0..<20).map { GzipSourceTests.content($0 == 19 ? 12_345 : 100_000, seed: UInt64($0)) }
        let content = parts.flatMap { $0 }
        for hasChecksums in [true, false] {
            let stored = try ZstdParts.seekable(parts, hasChecksums: hasChecksums)
            let counted = CountingSource(MemorySource(stored))
            let source = try OpeningContext().open(counted)
            #expect(counted.bytesRead < stored.count / 4)
            #expect((source as? UnitSource)?.table.units.count == 20)
            #expect(try source.bytes(content.count, at: 0).holds(content, at: 0))
        }
        let wrong = try ZstdParts.seekable(parts) { $0[5 * 12 + 8] ^= 1 }
        let source = try OpeningContext().open(wrong)
        let error = #expect(throws: ReadError.self) { try source.bytes(1, at: 550_000) }
        #expect("\(try #require(error))".contains("checksum"))
        #expect(try source.bytes(100_000, at: 600_000) == parts[6])
    }

    @Test(
        "a seek table with any bit wrong never moves what is behind it", arguments: [true, false],
        [1, 2, 3, 6])
    func damagedSeekTable(hasChecksums: Bool, count: Int) throws {
        let parts = (0..<count).map { GzipSourceTests.content(5_000, seed: UInt64($0)) }
        let content = parts.flatMap { $0 }
        let length = count * (hasChecksums ? 12 : 8) + 9
        let right = try ZstdParts.seekable(parts, hasChecksums: hasChecksums)
        for bit in 0..<(length * 8) {
            var stored = right
            // The table is the end of the file.
            stored[right.count - length + bit / 8] ^= 1 << UInt8(bit % 8)
            // Of the smaller cache, frames are shown as far as they are decoded.
            for cacheByteLimit in [64 << 20, 1 << 10] {
                let source = try OpeningContext(cacheByteLimit: cacheByteLimit).open(stored)
                #expect(source.byteCount == UInt64(content.count), "bit \(bit)")
                for start in stride(from: 0, to: content.count, by: 5_000) {
                    guard let part = try? source.bytes(5_000, at: UInt64(start)) else { continue }
                    #expect(content.holds(part, at: start), "bit \(bit)")
                }
            }
        }
    }

    @Test("a window of more than 128 MiB and a dictionary are refused by their names")
    func unsupported() throws {
        let frame = try ZstdParts.withoutContentSize(Self.frame(GzipSourceTests.content(1_000)))
        var large = frame
        // 2^(10 + 17) is 128 MiB; the lower three bits add eighths.
        large[5] = 17 << 3
        #expect(try OpeningContext().open(large).byteCount == 1_000)
        large[5] = 17 << 3 | 1
        let error = #expect(throws: ReadError.self) { try OpeningContext().open(large) }
        #expect("\(try #require(error))".contains("window"))
        var dictionary = frame
        dictionary[4] |= 1
        dictionary.insert(9, at: 6)
        let other = #expect(throws: ReadError.self) { try OpeningContext().open(dictionary) }
        #expect("\(try #require(other))".contains("dictionary"))
        var reserved = frame
        reserved[4] |= 8
        #expect(throws: ReadError.self) { try OpeningContext().open(reserved) }
    }

    @Test("bytes behind the last frame are refused, zeros too; lenient leaves them out")
    func garbage() throws {
        let content = GzipSourceTests.content(10_000)
        for tail in [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Array("garbage of a length".utf8)] as [[UInt8]] {
            let stored = try Self.frame(content) + tail
            let error = #expect(throws: ReadError.self) { try OpeningContext().open(stored) }
            #expect(error?.remedy == .lenient)
            #expect(try OpeningContext(isLenient: true).open(stored).bytes(10_000, at: 0) == content)
        }
    }

    @Test("the hash is that of the specification")
    func hash() {
        for (text, value) in [
            ("", 0xef46_db37_51d8_e999), ("a", 0xd24e_c4f1_a98c_6e5b), ("abc", 0x44bc_2cf5_ad77_0999),
            ("The quick brown fox jumps over the lazy dog", 0x0b24_2d36_1fda_71bc),
        ] as [(String, UInt64)] {
            var hash = XXH64()
            for byte in text.utf8 { unsafe [byte].withUnsafeBytes { unsafe hash.update($0) } }
            #expect(hash.value == value, "\(text)")
        }
    }
}
