// Tests of answers made of pieces: their bytes, their number, and when loans end.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import Synchronization
import TestSupport
import Testing

@Suite("A list of pieces")
struct GatherListTests {
    /// Memory that counts how often it was given back.
    @safe private final class Lender: LentMemory {
        // SAFETY: never written after `init`.
        private nonisolated(unsafe) let memory: UnsafeMutableRawBufferPointer
        let releases = Atomic<Int>(0)

        init(_ bytes: [UInt8]) {
            unsafe memory = .allocate(byteCount: bytes.count, alignment: 1)
            unsafe memory.copyBytes(from: bytes)
        }

        deinit { unsafe memory.deallocate() }

        var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(memory) }
        var releaseCount: Int { releases.load(ordering: .relaxed) }
        func release() { releases.add(1, ordering: .relaxed) }
    }

    private static let letters = MemorySource(Array("abcdefghij".utf8))

    private static func append(_ bytes: [UInt8], to list: GatherList) {
        list.append(bytes.count) { output in
            // SAFETY: bytes have no padding.
            output.append(copying: unsafe bytes.span.bytes)
        }
    }

    @Test("lent, written and shared pieces follow each other")
    func order() {
        let list = GatherList()
        let lender = Lender([7, 8, 9])
        Self.append([1, 2], to: list)
        unsafe list.append(UnsafeRawBufferPointer(rebasing: lender.bytes[1...]), lentBy: lender)
        list.appendZeros(3)
        Self.append([3], to: list)
        #expect(list.bytes == [1, 2, 8, 9, 0, 0, 0, 3])
        #expect(list.byteCount == 8)
    }

    @Test("a loan ends when the list is emptied or goes, not before, and once")
    func loans() {
        let lender = Lender([1])
        do {
            let list = GatherList()
            unsafe list.append(lender.bytes, lentBy: lender)
            unsafe list.append(lender.bytes, lentBy: lender)
            #expect(lender.releaseCount == 0)
            list.reset()
            #expect(lender.releaseCount == 2 && list.byteCount == 0 && list.bytes.isEmpty)
            list.reset()
            #expect(lender.releaseCount == 2)
            unsafe list.append(lender.bytes, lentBy: lender)
        }
        #expect(lender.releaseCount == 3)
    }

    @Test("many zeros share little memory")
    func zeros() {
        let list = GatherList()
        list.appendZeros(1 << 20)
        #expect(list.byteCount == 1 << 20 && list.bytes == [UInt8](repeating: 0, count: 1 << 20))
        let addresses = unsafe Set(list.pieces.map { unsafe $0.iov_base })
        #expect(unsafe addresses.count == 1)
    }

    @Test("what is written piece by piece is one piece")
    func neighbours() {
        let list = GatherList()
        for number in 0..<100 { Self.append([UInt8(number)], to: list) }
        #expect(unsafe list.pieces.count == 1)
        #expect(list.bytes == (0..<100).map { UInt8($0) })
    }

    @Test("more pieces than writev(2) takes are copied together; their loans end at once")
    func tooManyPieces() {
        let list = GatherList()
        let lender = Lender([5])
        var expected: [UInt8] = []
        for number in 0..<3_000 {
            switch number % 3 {
            case 0: unsafe list.append(lender.bytes, lentBy: lender)
            case 1: list.appendZeros(1)
            default: Self.append([9], to: list)
            }
            expected.append([5, 0, 9][number % 3])
        }
        #expect(list.bytes == expected)
        #expect(unsafe list.pieces.count < 1_024)
        #expect(lender.releaseCount > 0)
        list.reset()
        #expect(lender.releaseCount == 1_000)
    }

    @Test("a piece that cannot be written is not appended")
    func failure() {
        let list = GatherList()
        Self.append([1], to: list)
        let source = FailingSource(Self.letters, failingIn: 3..<4)
        #expect(throws: FailingSource.failure) { try source.gather(5, at: 0, into: list) }
        #expect(list.bytes == [1])
        Self.append([2], to: list)
        #expect(list.bytes == [1, 2])
    }

    @Test("room is made for reads longer than usual")
    func reserve() {
        let list = GatherList()
        let bytes = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 >> 3) }
        list.reserve(bytes.count)
        Self.append(bytes, to: list)
        #expect(list.bytes == bytes)
    }

    @Test("a source that lends nothing is read; its holes are zeros that no one wrote")
    func ofSource() throws {
        let whole = try ConcatenatedSource(
            [Self.letters, ZeroSource(byteCount: 100), Self.letters], named: "whole")
        #expect(try whole.gatheredBytes(120, at: 0) == whole.bytes(120, at: 0))
        #expect(try whole.gatheredBytes(4, at: 8) == Array("ij".utf8) + [0, 0])
        let list = GatherList()
        try whole.gather(90, at: 15, into: list)
        let zeros = GatherList()
        zeros.appendZeros(1)
        #expect(unsafe list.pieces.first?.iov_base == zeros.pieces.first?.iov_base)
        for (count, offset) in [(1, 120), (121, 0), (1, UInt64.max), (-1, 0)] as [(Int, UInt64)] {
            #expect(throws: ReadError.self) { try whole.gatheredBytes(count, at: offset) }
        }
    }

    @Test("a pool lends each object to one thread at a time, and lends it again")
    func pool() throws {
        let pool = ObjectPool<GatherList>()
        let first = try pool.withObject { list throws(ReadError) in
            list.appendZeros(1)
            let other = try pool.withObject { ObjectIdentifier($0) }
            #expect(other != ObjectIdentifier(list))
            return ObjectIdentifier(list)
        }
        #expect(throws: FailingSource.failure) {
            try pool.withObject { list throws(ReadError) in
                #expect(ObjectIdentifier(list) == first && list.byteCount == 0)
                throw FailingSource.failure
            }
        }
        #expect(try pool.withObject { ObjectIdentifier($0) } == first)
    }
}
