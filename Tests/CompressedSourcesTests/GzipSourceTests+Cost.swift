// Gzip files that are made to cost memory or time.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs
import Synchronization
import TestSupport
import Testing

@testable import CompressedSources

extension GzipSourceTests {
    /// One deflate block with fixed codes, `repeats` times four bytes that count and 255 copies of 258 bytes.
    private static func oneBlock(repeats: Int) -> (stored: [UInt8], content: [UInt8]) {
        var bits = DeflateBits()
        var content: [UInt8] = []
        bits.put(0b011, count: 3)
        for number in 0..<repeats {
            for shift in [0, 8, 16, 24] {
                // Literals 0 to 143 have eight bits, from 00110000 on.
                let byte = UInt8(truncatingIfNeeded: number >> shift) & 0x7f
                bits.putCode(0x30 + UInt32(byte), count: 8)
                content.append(byte)
            }
            for _ in 0..<255 {
                // Length 258 is code 285, 11000101; distance 4 is code 3.
                bits.putCode(0b1100_0101, count: 8)
                bits.putCode(3, count: 5)
            }
            let start = content.count - 4
            for index in 0..<(255 * 258) { content.append(content[start + index % 4]) }
        }
        bits.putCode(0, count: 7)
        let header: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
        let checksum = unsafe content.withUnsafeBytes { unsafe Inflater.checksum(0, of: $0) }
        var trailer = [UInt8](repeating: 0, count: 8)
        trailer.put(UInt32(truncatingIfNeeded: checksum), at: 0)
        trailer.put(UInt32(truncatingIfNeeded: content.count), at: 4)
        return (header + bits.bytes + trailer, content)
    }

    @Test("a file that is one deflate block is read backwards without decoding it from its start each time")
    func oneDeflateBlock() throws {
        let (bytes, content) = Self.oneBlock(repeats: 256)
        #expect(content.count > 16 << 20)
        let stored = CountingSource(MemorySource(bytes))
        let source = try Self.open(stored)
        #expect(source.byteCount == UInt64(content.count))
        #expect(source.table.units.count >= 8)
        for start in stride(from: content.count - 70_000, to: 0, by: -999_983) {
            #expect(try source.bytes(70_000, at: UInt64(start)) == Array(content[start..<(start + 70_000)]))
            let before = stored.bytesRead
            _ = try source.bytes(10, at: UInt64(start / 2))
            #expect(stored.bytesRead - before <= 2 * (128 << 10))
        }
    }

    @Test("restart points take from the budget, make way for what else is opened, and go back with the file")
    func windowsInBudget() throws {
        let budget = OpeningBudget(byteLimit: 8 << 20)
        let content = Self.content(12 << 20)
        let bytes = try Self.gzip(content)
        do {
            var sources: [UnitSource] = []
            for _ in 0..<6 {
                sources.append(
                    try Self.open(MemorySource(bytes), budget: budget))
                #expect(
                    try sources.last?.bytes(1000, at: 6 << 20) == Array(content[6 << 20..<(6 << 20 + 1000)]))
            }
            #expect(budget.usedByteCount <= budget.byteLimit)
            #expect(budget.usedByteCount > 1 << 20)
            #expect(sources.allSatisfy { $0.table.units.count > 1 })
        }
        #expect(budget.usedByteCount == 0)
        var damaged = bytes
        damaged[damaged.count - 5] ^= 1
        #expect(throws: ReadError.self) {
            try Self.open(MemorySource(damaged), budget: budget)
        }
        #expect(budget.usedByteCount == 0)
    }

    @Test("many empty members open quickly")
    func emptyMembers() throws {
        let member = try Self.gzip([], "-n")
        let bytes = (0..<100_000).flatMap { _ in member }
        let start = ContinuousClock.now
        #expect(try open(bytes).byteCount == 0)
        // A tenth of what an attacker has, in a build that is not optimised.
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    @Test("more pieces than what they hold is worth are refused, after as many as any file may have")
    func piecesOfNothing() throws {
        let member = try Self.gzip([], "-n")
        var bytes = member
        while bytes.count < 200_000 * member.count { bytes += bytes }
        for bytes in [bytes, Self.emptyBlocks(byteCount: 8 << 20)] {
            let stored = CountingSource(MemorySource(bytes))
            let error = #expect(throws: ReadError.self) {
                try Self.open(stored)
            }
            #expect(error?.description.contains("pieces that hold next to nothing") == true)
            #expect(stored.bytesRead < bytes.count * 3 / 4)
        }
        // Small pieces that hold something are none of that.
        let small = try Self.gzip([UInt8](repeating: 7, count: 2_100))
        var many = small
        while many.count < 135_000 * small.count { many += many }
        many.removeLast(many.count - 135_000 * small.count)
        #expect(try open(many).byteCount == UInt64(many.count / small.count) * 2_100)
    }

    /// A file of two bytes, between which blocks of no bytes take `byteCount` bytes.
    private static func emptyBlocks(byteCount: Int) -> [UInt8] {
        let header: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
        // Stored blocks: a length of two bytes, and the same inverted.
        var empty: [UInt8] = [0, 0, 0, 0xff, 0xff]
        while empty.count < byteCount { empty += empty }
        var bytes = header + [0, 1, 0, 0xfe, 0xff, 7] + empty.prefix(byteCount / 5 * 5)
        bytes += [1, 1, 0, 0xfe, 0xff, 8]
        let checksum = unsafe ([7, 8] as [UInt8]).withUnsafeBytes { unsafe Inflater.checksum(0, of: $0) }
        var trailer = [UInt8](repeating: 0, count: 8)
        trailer.put(UInt32(truncatingIfNeeded: checksum), at: 0)
        trailer.put(UInt32(2), at: 4)
        return bytes + trailer
    }

    @Test("blocks that hold nothing are decoded once, not for each byte after them")
    func emptyBlocks() throws {
        let stored = CountingSource(MemorySource(Self.emptyBlocks(byteCount: 3 << 20)))
        let source = try Self.open(stored)
        #expect(source.table.units.count == 2)
        for _ in 0..<3 {
            let before = stored.bytesRead
            #expect(try source.bytes(1, at: 0) == [7])
            #expect(try source.bytes(1, at: 1) == [8])
            #expect(stored.bytesRead - before < (1 << 20) + 4 * (128 << 10))
        }
    }

    @Test("a read that no one waits for ends, also where it skips nothing")
    func calledOff() throws {
        let source = try open(Self.gzip(Self.content(10_000)))
        let read = PatientRead(decodingIn: DecoderPlaces(1))
        read.cancel()
        read.perform {
            #expect(throws: ReadError.interrupted) { try source.bytes(1, at: 0) }
        }
        #expect(try source.bytes(10_000, at: 0) == Self.content(10_000))
    }

    @Test("a read makes sure of the stored bytes that it is made of, not of the whole file")
    func validatedRange() throws {
        let stored = RangeRecorder(MemorySource(try Self.gzip(Self.content(8 << 20))))
        let source = try Self.open(stored)
        for offset in [0, 4 << 20, 8 << 20 - 1_000] as [UInt64] {
            stored.ranges.withLock { $0 = [] }
            _ = try source.bytes(1_000, at: offset)
            let ranges = stored.ranges.withLock { $0 }
            #expect(ranges.count == 1)
            let range = try #require(ranges.first)
            let place = stored.byteCount * offset / (8 << 20)
            #expect(UInt64(range.count) < stored.byteCount / 2)
            // The content is alike everywhere: the stored bytes of an offset are about where it is.
            let slack = stored.byteCount / 16
            #expect(range.lowerBound <= place + slack && place <= range.upperBound + slack)
        }
    }
}

/// Keeps what was asked to be validated.
private final class RangeRecorder: ByteSource {
    private let base: any ByteSource
    let ranges = Mutex<[Range<UInt64>]>([])

    var byteCount: UInt64 { base.byteCount }

    init(_ base: any ByteSource) {
        self.base = base
    }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try base.read(count, at: offset, into: &output)
    }

    func validate() throws(ReadError) {
        ranges.withLock { $0.append(0..<byteCount) }
    }

    func validate(_ range: Range<UInt64>) throws(ReadError) {
        ranges.withLock { $0.append(range) }
    }
}

/// Writes deflate's bits, from the lowest of each byte on.
private struct DeflateBits {
    private(set) var bytes: [UInt8] = []
    private var count = 0

    mutating func put(_ value: UInt32, count bitCount: Int) {
        for bit in 0..<bitCount {
            if count % 8 == 0 { bytes.append(0) }
            bytes[count / 8] |= UInt8(value >> UInt32(bit) & 1) << UInt8(count % 8)
            count += 1
        }
    }

    /// Codes are written from their highest bit on.
    mutating func putCode(_ code: UInt32, count bitCount: Int) {
        for bit in (0..<bitCount).reversed() { put(code >> UInt32(bit) & 1, count: 1) }
    }
}
