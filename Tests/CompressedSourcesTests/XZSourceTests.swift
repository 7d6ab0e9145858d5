// Tests of xz files.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs
import TestSupport
import Testing

@testable import CompressedSources

@Suite("An xz file")
struct XZSourceTests {
    private static func xz(_ bytes: [UInt8], _ options: String...) throws -> [UInt8] {
        try CompressionProgram.compress(bytes, ["xz", "-1"] + options)
    }

    @Test("opening reads the index and no block; a read decodes its block only")
    func index() throws {
        var random = SeededRandom(seed: 1)
        let content = random.bytes(4 << 20)
        let stored = CountingSource(MemorySource(try Self.xz(content, "--block-size=262144")))
        let source = try OpeningContext().open(stored)
        #expect(stored.bytesRead < 20_000)
        #expect(
            try source.bytes(1_000, at: 3 << 20).holds(Array(content[3 << 20..<(3 << 20 + 1_000)]), at: 0))
        #expect(stored.bytesRead < 320_000)
    }

    @Test("streams with padding between them and behind", arguments: [4, 8, 512, 300_000])
    func padding(count: Int) throws {
        let zeros = [UInt8](repeating: 0, count: count)
        let content = GzipSourceTests.content(50_000)
        let stream = try Self.xz(content, "--block-size=20000")
        let source = try OpeningContext().open(stream + zeros + stream + zeros)
        #expect(try source.bytes(100_000, at: 0) == content + content)
        // Padding comes in fours.
        for odd in [1, 2, 3] {
            #expect(throws: ReadError.self) {
                try OpeningContext().open(stream + zeros.dropLast(odd) + stream)
            }
        }
    }

    @Test("other bytes behind the last stream are refused; lenient leaves them out")
    func garbage() throws {
        let content = GzipSourceTests.content(5_000)
        let stream = try Self.xz(content)
        let tails =
            [
                [7], [0], Array("text".utf8), Array("text".utf8) + [0, 0, 0, 0, 0], Array(stream.prefix(12)),
                // A mark of an end that is none, at each place.
                Array(repeating: Array("..YZ".utf8), count: 20_000).flatMap(\.self),
            ] as [[UInt8]]
        for tail in tails {
            for file in [stream + tail, stream + [0, 0, 0, 0] + tail, stream + stream + tail] {
                let error = #expect(throws: ReadError.self) { try OpeningContext().open(file) }
                #expect(error?.remedy == .lenient, "\(tail.prefix(8))")
                let opened = try OpeningContext(isLenient: true).open(file)
                let streamCount = file.count - tail.count == 2 * stream.count ? 2 : 1
                #expect(opened.byteCount == UInt64(streamCount * content.count))
                #expect(try opened.bytes(5_000, at: opened.byteCount - 5_000) == content)
                #expect(CompressedSource.leftOutByteCount(of: opened) > 0)
            }
        }
    }

    @Test("what is looked through behind the streams has a bound, of all files together")
    func zerosBehind() throws {
        let stream = try Self.xz(GzipSourceTests.content(5_000))
        let budget = OpeningBudget()
        var openedCount = 0
        var lookedByteCount = 0
        for _ in 0..<12 {
            let parts: [any ByteSource] = [MemorySource(stream), ZeroSource(byteCount: 8 << 20)]
            let file = CountingSource(try ConcatenatedSource(parts, named: "file"))
            do {
                _ = try OpeningContext(budget: budget).open(file)
                openedCount += 1
            } catch {
                let error = try #require(error as? ReadError)
                #expect(error.description.contains("behind the streams") && !error.isCorruption, "\(error)")
            }
            lookedByteCount += file.bytesRead
        }
        #expect((1...4).contains(openedCount))
        // What is looked through for findings of images is not taken from.
        #expect(budget.mayLook(through: OpeningBudget.lookedThroughLimit))
        #expect(lookedByteCount <= Int(OpeningBudget.endingLimit) + 12 * 100_000)
    }

    @Test("a file that is cut short is not taken for one with something behind it, by lenient neither")
    func cutShort() throws {
        let stream = try Self.xz(GzipSourceTests.content(5_000))
        for count in [stream.count - 1, stream.count - 12, stream.count / 2, 30] {
            for isLenient in [false, true] {
                let context = OpeningContext(isLenient: isLenient)
                let error = #expect(throws: ReadError.self) { try context.open(Array(stream.prefix(count))) }
                #expect(error?.remedy == nil)
            }
        }
    }

    @Test(
        "a damaged block answers an error that names it; the others are read",
        arguments: [64 << 20, 256 << 10])
    func damagedBlock(cacheByteLimit: Int) throws {
        let content = GzipSourceTests.content(1_000_000)
        let stored = try Self.xz(content, "--block-size=200000")
        let table = try #require(try OpeningContext().open(stored) as? UnitSource).table
        for (number, unit) in table.units.enumerated() {
            for place in [
                unit.stored.lowerBound + 2, unit.stored.lowerBound + 300, unit.stored.upperBound - 1,
            ] {
                var bytes = stored
                bytes[Int(place)] ^= 4
                let source = try OpeningContext(cacheByteLimit: cacheByteLimit).open(bytes)
                for other in table.units.indices {
                    let start = other * 200_000
                    if other == number {
                        let error = #expect(throws: ReadError.self) {
                            try source.bytes(10, at: UInt64(start + 100))
                        }
                        #expect("\(try #require(error))".contains("xz block"))
                    } else {
                        #expect(content.holds(try source.bytes(200_000, at: UInt64(start)), at: start))
                    }
                }
            }
        }
    }

    @Test("each bit of header, index and footer: refused, or read right")
    func flippedBits() throws {
        let content = GzipSourceTests.content(10_000)
        let stored = try Self.xz(content, "--block-size=4000")
        let table = try #require(try OpeningContext().open(stored) as? UnitSource).table
        let blocks = 12..<Int(try #require(table.units.last).stored.upperBound)
        for place in Array(6..<12) + Array(blocks.upperBound..<stored.count) {
            for bit in 0..<8 {
                var bytes = stored
                bytes[place] ^= 1 << UInt8(bit)
                guard let source = try? OpeningContext().open(bytes) else { continue }
                // The padding behind a block is looked at when the block is decoded.
                #expect((try? source.bytes(10_000, at: 0)).map { $0 == content } ?? true, "byte \(place)")
                #expect(source.byteCount == 10_000)
            }
        }
    }

    @Test("a dictionary of more than 128 MiB is refused by its size")
    func dictionary() throws {
        let content = GzipSourceTests.content(5_000)
        let stored = try Self.xz(content)
        // Header of a block: length, flags, filter 0x21, one byte of properties, that byte, padding, CRC-32.
        #expect(stored[14] == 0x21 && stored[15] == 1)
        for (code, isRead) in [(30, true), (31, false), (40, false)] as [(UInt8, Bool)] {
            var bytes = stored
            bytes[16] = code
            let end = 12 + XZBlockDecoder.headerByteCount(first: stored[12]) - 4
            let checksum = unsafe Array(bytes[12..<end]).withUnsafeBytes {
                unsafe Inflater.checksum(0, of: $0)
            }
            bytes.put(UInt32(truncatingIfNeeded: checksum), at: end)
            if isRead {
                #expect(try OpeningContext().open(bytes).bytes(5_000, at: 0) == content)
            } else {
                let error = #expect(throws: ReadError.self) { try OpeningContext().open(bytes) }
                #expect("\(try #require(error))".contains("dictionary"))
            }
        }
    }

    @Test("one large block is read forwards in one pass, and checked first")
    func largeBlock() throws {
        var random = SeededRandom(seed: 3)
        let content = random.bytes(6 << 20)
        let bytes = try Self.xz(content, "--check=crc64")
        let stored = CountingSource(MemorySource(bytes))
        let progress = OpeningProgress()
        let source = try OpeningContext(cacheByteLimit: 2 << 20, progress: progress).open(stored)
        #expect(try source.bytes(100, at: 0).holds(Array(content[..<100]), at: 0))
        let checked = stored.bytesRead
        #expect(checked >= bytes.count && checked < bytes.count + 300_000)
        for start in stride(from: 0, to: content.count, by: 256 << 10) {
            #expect(content.holds(try source.bytes(256 << 10, at: UInt64(start)), at: start))
        }
        // What the first read left in memory, and one more pass.
        #expect(stored.bytesRead < checked + bytes.count + 400_000)
        #expect(progress.current == nil)
    }

    @Test("readers at two places of one large block each go on where they were")
    func twoReaders() throws {
        var random = SeededRandom(seed: 4)
        let content = random.bytes(8 << 20)
        let bytes = try Self.xz(content)
        let stored = CountingSource(MemorySource(bytes))
        let source = try OpeningContext(cacheByteLimit: 1 << 20).open(stored)
        for step in 0..<6 {
            for start in [step * (512 << 10), 4 << 20 + step * (512 << 10)] {
                #expect(content.holds(try source.bytes(1_000, at: UInt64(start)), at: start))
            }
        }
        // The check, half of it for each, and what the far one has to pass.
        #expect(stored.bytesRead < 3 * bytes.count)
    }
}
