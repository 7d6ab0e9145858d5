// Tests of sources made of other sources: parts, joined parts, zeros, counted reads.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@Suite("Sources made of other sources")
struct CompositionTests {
    private static let letters = MemorySource(Array("abcdefghij".utf8))

    @Test("a part reads its own bytes, and nothing beyond them")
    func subrange() throws {
        let part = try SubrangeSource(of: Self.letters, from: 2, byteCount: 5, named: "part")
        #expect(part.byteCount == 5)
        #expect(try part.bytes(5, at: 0) == Array("cdefg".utf8))
        #expect(try part.bytes(1, at: 4) == Array("g".utf8))
        #expect(try part.bytes(0, at: 5).isEmpty)
        for (count, offset) in [(1, 5), (6, 0), (1, UInt64.max), (-1, 0)] as [(Int, UInt64)] {
            #expect(throws: ReadError.self) { try part.bytes(count, at: offset) }
        }
    }

    @Test(
        "a part that is not inside its source is refused", arguments: [(11, 0), (8, 3), (1, .max), (0, .max)])
    func badSubrange(start: UInt64, byteCount: UInt64) {
        #expect(throws: ReadError.self) {
            try SubrangeSource(of: Self.letters, from: start, byteCount: byteCount, named: "part")
        }
    }

    @Test("the regions of a part are those of its source, counted from the part's start")
    func subrangeRegions() throws {
        let whole = try ConcatenatedSource(
            [ZeroSource(byteCount: 10), Self.letters, ZeroSource(byteCount: 10)], named: "whole")
        let part = try SubrangeSource(of: whole, from: 5, byteCount: 20, named: "part")
        #expect(try part.firstOffset(of: .data, in: 0..<20) == 5)
        #expect(try part.firstOffset(of: .hole, in: 5..<20) == 15)
        #expect(try part.firstOffset(of: .data, in: 15..<20) == nil)
        // What is behind the part is not the part's, even where a caller asks for it.
        #expect(try part.firstOffset(of: .hole, in: 0..<1000) == 0)
    }

    @Test("joined parts read as one, across every boundary, with parts of no length anywhere")
    func concatenated() throws {
        let parts: [[UInt8]] = [[], [1, 2, 3], [], [], [4], [5, 6], []]
        let joined = try ConcatenatedSource(parts.map { MemorySource($0) }, named: "joined")
        let whole = Array(parts.joined())
        #expect(joined.byteCount == 6)
        for start in 0...whole.count {
            for end in start...whole.count {
                #expect(try joined.bytes(end - start, at: UInt64(start)) == Array(whole[start..<end]))
            }
        }
        #expect(throws: ReadError.self) { try joined.bytes(1, at: 6) }
    }

    @Test("no parts at all are an empty source")
    func concatenatedNothing() throws {
        for parts in [[], [MemorySource([])]] as [[any ByteSource]] {
            let joined = try ConcatenatedSource(parts, named: "nothing")
            #expect(joined.byteCount == 0)
            #expect(try joined.bytes(0, at: 0).isEmpty)
            #expect(try joined.firstOffset(of: .data, in: 0..<10) == nil)
            #expect(throws: ReadError.self) { try joined.bytes(1, at: 0) }
        }
    }

    @Test("joined parts longer than a number can say are refused")
    func concatenatedOverflow() {
        #expect(throws: ReadError.self) {
            try ConcatenatedSource(
                [ZeroSource(byteCount: .max), ZeroSource(byteCount: 1)], named: "long")
        }
    }

    @Test("data and holes of joined parts are found where they are")
    func concatenatedRegions() throws {
        let joined = try ConcatenatedSource(
            [
                ZeroSource(byteCount: 4), Self.letters, ZeroSource(byteCount: 0), Self.letters,
                ZeroSource(byteCount: 6),
            ], named: "joined")
        #expect(try joined.firstOffset(of: .hole, in: 0..<30) == 0)
        #expect(try joined.firstOffset(of: .data, in: 0..<30) == 4)
        #expect(try joined.firstOffset(of: .data, in: 0..<4) == nil)
        #expect(try joined.firstOffset(of: .hole, in: 4..<30) == 24)
        #expect(try joined.firstOffset(of: .data, in: 24..<30) == nil)
        #expect(try joined.firstOffset(of: .hole, in: 30..<30) == nil)
    }

    @Test("the error of a part is the error of the whole, and other parts still read")
    func concatenatedFailure() throws {
        let joined = try ConcatenatedSource(
            [Self.letters, FailingSource(Self.letters, failingIn: 0..<10)], named: "joined")
        #expect(try joined.bytes(10, at: 0) == Array("abcdefghij".utf8))
        #expect(throws: FailingSource.failure) { try joined.bytes(2, at: 9) }
    }

    @Test("joined parts are gathered as each of them gathers, and so is a part")
    func gathering() throws {
        let joined = try ConcatenatedSource(
            [ZeroSource(byteCount: 20), Self.letters, ZeroSource(byteCount: 6)], named: "joined")
        let part = try SubrangeSource(of: joined, from: 2, byteCount: 30, named: "part")
        let meter = ReadMeter()
        for source in [part, MeteredSource(part, countedBy: meter)] as [any ByteSource] {
            let list = GatherList()
            try source.gather(25, at: 3, into: list)
            #expect(list.bytes == [UInt8](repeating: 0, count: 15) + Array("abcdefghij".utf8))
            // Zeros are not copied.
            #expect(list.ownByteCount == 10)
            #expect(throws: ReadError.self) { try source.gather(1, at: 30, into: list) }
        }
        #expect(meter.byteCount == 10 && meter.readCount == 1)
    }

    @Test("of a thousand joined parts, those are looked at that are touched")
    func validatedParts() throws {
        let parts = (0..<1_000).map { _ in CountingSource(Self.letters) }
        let joined = try ConcatenatedSource(parts, named: "joined")
        let part = try SubrangeSource(of: joined, from: 5, byteCount: 9_000, named: "part")
        try part.validate(100..<120)
        #expect(parts.indices.filter { parts[$0].validationCount > 0 } == [10, 11, 12])
        try joined.validate(0..<0)
        try joined.validate(9_995..<20_000)
        #expect(parts.map(\.validationCount).reduce(0, +) == 4)
        try part.validate()
        #expect(parts.filter { $0.validationCount > 0 }.count == 902)
        try joined.validate()
        #expect(parts.allSatisfy { $0.validationCount > 0 })
    }

    @Test("zeros are zeros of any length, and one hole")
    func zeros() throws {
        let zeros = ZeroSource(byteCount: 1 << 62)
        #expect(try zeros.bytes(3, at: (1 << 62) - 3) == [0, 0, 0])
        #expect(throws: ReadError.self) { try zeros.bytes(4, at: (1 << 62) - 3) }
        #expect(try zeros.firstOffset(of: .hole, in: 7..<9) == 7)
        #expect(try zeros.firstOffset(of: .data, in: 0..<(1 << 62)) == nil)
        #expect(try zeros.firstOffset(of: .hole, in: 9..<9) == nil)
    }

    @Test("memory reads whole, in part and not past its end")
    func memory() throws {
        #expect(try Self.letters.bytes(10, at: 0) == Array("abcdefghij".utf8))
        #expect(try Self.letters.bytes(1, at: 9) == Array("j".utf8))
        #expect(throws: ReadError.self) { try Self.letters.bytes(2, at: 9) }
        #expect(try Self.letters.firstOffset(of: .data, in: 3..<5) == 3)
        #expect(try Self.letters.firstOffset(of: .hole, in: 0..<10) == nil)
    }

    @Test("a meter counts what was read, and not what failed")
    func meter() throws {
        let meter = ReadMeter()
        let source = MeteredSource(FailingSource(Self.letters, failingIn: 8..<10), countedBy: meter)
        _ = try source.bytes(3, at: 0)
        _ = try source.bytes(5, at: 3)
        #expect(throws: FailingSource.failure) { try source.bytes(1, at: 8) }
        #expect(meter.readCount == 2 && meter.byteCount == 8)
        #expect(source.byteCount == 10)
    }

    @Test("whoever hands on the bytes of another source says as it does that they come in order")
    func arrival() throws {
        let source = ArrivingSource(Self.letters, arrivedByteCount: 4)
        let part = try SubrangeSource(of: source, from: 2, byteCount: 4, named: "part")
        let joined = try ConcatenatedSource([Self.letters, source], named: "joined")
        let metered = MeteredSource(source, countedBy: ReadMeter())
        let all: [any ByteSource] = [source, part, joined, metered]
        #expect(all.map { $0.arrivesInOrder } == [true, true, true, true])
        #expect(part.isAtHand(0..<2) && !part.isAtHand(0..<3))
        #expect(joined.isAtHand(0..<14) && !joined.isAtHand(0..<15))
        #expect(metered.isAtHand(0..<4) && !metered.isAtHand(0..<5))
        source.bring(to: 10)
        #expect(all.map { $0.arrivesInOrder } == [false, false, false, false])
        #expect(part.isAtHand(0..<4) && joined.isAtHand(0..<20) && metered.isAtHand(0..<10))
        #expect(!Self.letters.arrivesInOrder)
    }

    @Test("appending takes up exactly the room that it fills")
    func append() {
        // SAFETY: the span covers the array's storage and ends before the closure does.
        let filled = unsafe [UInt8](unsafeUninitializedCapacity: 8) { buffer, count in
            let room = UnsafeMutableRawBufferPointer(buffer)
            var output = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
            let bytes: [UInt8] = [1, 2, 3]
            unsafe output.append(copying: bytes.span.bytes)
            output.appendZeros(2)
            output.appendZeros(0)
            unsafe output.append(copying: bytes.span.extracting(0..<0).bytes)
            unsafe output.append(copying: bytes.span.bytes)
            count = unsafe output.finalize(for: room)
        }
        #expect(filled == [1, 2, 3, 0, 0, 1, 2, 3])
    }
}
