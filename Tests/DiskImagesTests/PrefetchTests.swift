// Tests of reading ahead: who is sequential, how much is asked for, and what damage does.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import TestSupport
import Testing

@testable import DiskImages

@Suite("Reading ahead")
struct PrefetchTests {
    private static let grainByteCount = 65_536

    private static func stream(at position: UInt64 = 0, reads: Int, of byteCount: UInt64) -> SequentialStream
    {
        var stream = SequentialStream(at: position, now: 0)
        for number in 1...max(1, UInt64(reads)) where reads > 0 {
            stream.advance(byReading: byteCount, to: position + number * byteCount, now: number)
        }
        return stream
    }

    @Test("nothing is wanted ahead of the first reads, then some times what was read, up to a limit")
    func window() {
        let limit: UInt64 = 64 << 20
        let windows = (0..<20).map { Self.stream(reads: $0, of: 1 << 20).window(upTo: limit) }
        #expect(windows[0] == 0 && windows[1] == 0)
        #expect(windows[2] == 8 << 20)
        #expect(zip(windows, windows.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(windows.last == 16 << 20)
        let smallReads = (0..<40).map { Self.stream(reads: $0, of: 4096).window(upTo: limit) }
        #expect(smallReads[..<16].allSatisfy { $0 == 0 })
        #expect(smallReads[16] == 256 << 10 && smallReads[32] == 512 << 10)
        #expect(Self.stream(reads: 20, of: 1 << 20).window(upTo: 3 << 20) == 3 << 20)
    }

    @Test("a read slightly before or behind continues a stream, one far away for its length does not")
    func tolerance() {
        let stream = SequentialStream(at: 10 << 20, now: 0)
        for distance in [0, 131_072, 1 << 20] as [UInt64] {
            #expect(stream.isContinued(byReading: 131_072, at: (10 << 20) - distance))
            #expect(stream.isContinued(byReading: 131_072, at: (10 << 20) + distance))
        }
        for (count, offset) in [
            (131_072, (10 << 20) + (1 << 20) + 1), (131_072, (9 << 20) - 1), (4096, (10 << 20) + 40_000),
            (1 << 20, 13 << 20), (4096, 0), (1 << 20, .max),
        ] as [(UInt64, UInt64)] {
            #expect(!stream.isContinued(byReading: count, at: offset))
        }
        #expect(SequentialStream(at: 0, now: 0).isContinued(byReading: 4096, at: 0))
    }

    @Test("a stream that is known to be sequential is worth more than later single reads, for a while")
    func worth() {
        let sequential = Self.stream(reads: 3, of: 65_536)
        #expect(sequential.worth > SequentialStream(at: 0, now: 50).worth)
        #expect(sequential.worth < SequentialStream(at: 0, now: 500).worth)
    }

    @Test("what was asked for counts until the reader has passed it")
    func requested() {
        var stream = Self.stream(reads: 3, of: 65_536)
        stream.request(upTo: 3 * 65_536 + (1 << 20))
        stream.skip(to: 5 << 20)
        stream.request(upTo: 6 << 20)
        #expect(stream.requestedByteCount == 2 << 20)
        stream.advance(byReading: 1 << 20, to: 3 << 20, now: 9)
        #expect(stream.requestedByteCount == 1 << 20)
        stream.advance(byReading: 1 << 20, to: 6 << 20, now: 10)
        #expect(stream.requestedByteCount == 0)
        // A reader that overtakes its requests takes the place where they go on along.
        stream.advance(byReading: 1 << 20, to: 9 << 20, now: 11)
        #expect(stream.requestedEnd == 9 << 20)
    }

    /// A disk and what its threads decoded ahead.
    private final class Fixture {
        let built: BuiltImage
        let cache: ClusterCache
        let prefetcher: Prefetcher
        let disk: GuestDisk

        init(
            _ grains: [GrainContent], cacheByteLimit: Int = 64 << 20,
            change: (inout BuiltImage) -> Void = { _ in }
        ) throws {
            cache = ClusterCache(byteLimit: cacheByteLimit)
            var builder = StreamOptimizedBuilder(grains)
            builder.grainSizeInSectors = 128
            var built = builder.build()
            change(&built)
            self.built = built
            prefetcher = try Prefetcher(threadCount: 2)
            let number = cache.makeDiskNumber()
            let image = try DiskImageOpener.open(
                built.source, named: "disk.vmdk", in: cache, for: number, options: .init())
            disk = GuestDisk(
                image, in: built.source, cache: cache, number: number, prefetcher: prefetcher)
        }

        private var isRunning = true

        /// Ends the threads, once.
        func stop() {
            if isRunning { prefetcher.stop() }
            isRunning = false
        }

        deinit { stop() }

        /// Waits, for at most two seconds, until so much was decoded ahead.
        func waitForDecodedAhead(_ count: UInt64) -> Bool {
            for _ in 0..<2_000 where cache.statistics.clustersDecodedAhead < count { usleep(1_000) }
            return cache.statistics.clustersDecodedAhead >= count
        }
    }

    @Test("a reader that jumps about causes no request")
    func random() throws {
        let fixture = try Fixture(Array(repeating: .text, count: 160))
        // Each farther from all before it than reads in mixed order are.
        for number in [140, 0, 80, 120, 40] {
            let offset = number * Self.grainByteCount
            #expect(
                try fixture.disk.bytes(4096, at: UInt64(offset))
                    == Array(fixture.built.guest[offset..<(offset + 4096)]))
        }
        usleep(50_000)
        #expect(fixture.cache.statistics.clustersDecodedAhead == 0)
    }

    @Test("small reads all over a small part of the disk cause no request")
    func randomInSmallPart() throws {
        let fixture = try Fixture(Array(repeating: .text, count: 32))
        var random = SeededRandom(seed: 3)
        for _ in 0..<200 {
            let page = Int.random(in: 0..<(32 * Self.grainByteCount / 4096), using: &random)
            _ = try fixture.disk.bytes(4096, at: UInt64(page * 4096))
        }
        usleep(50_000)
        #expect(fixture.cache.statistics.clustersDecodedAhead == 0)
    }

    @Test("a sequential reader is read ahead for beside a random one")
    func besideRandom() throws {
        let fixture = try Fixture(Array(repeating: .text, count: 200))
        for step in 0..<6 {
            _ = try fixture.disk.bytes(Self.grainByteCount, at: UInt64(step * Self.grainByteCount))
            for number in 0..<20 {
                _ = try fixture.disk.bytes(512, at: UInt64((60 + number * 7) * Self.grainByteCount))
            }
        }
        #expect(fixture.waitForDecodedAhead(1))
    }

    @Test("a large read goes on with its own stream, not with a chance read that happens to be near")
    func nearestStream() throws {
        let fixture = try Fixture(Array(repeating: .text, count: 400))
        // Single reads all over the disk, each within reach of a read of 512 KiB.
        for number in stride(from: 397, to: 0, by: -18) {
            _ = try fixture.disk.bytes(512, at: UInt64(number * Self.grainByteCount))
        }
        for step in 0..<6 {
            _ = try fixture.disk.bytes(8 * Self.grainByteCount, at: UInt64(step * 8 * Self.grainByteCount))
        }
        #expect(fixture.waitForDecodedAhead(1))
    }

    @Test("what is read again and again earns no reading ahead")
    func sameAgain() {
        var stream = Self.stream(reads: 3, of: 65_536)
        let window = stream.window(upTo: 64 << 20)
        for number in 4..<50 { stream.advance(byReading: 65_536, to: 3 * 65_536, now: UInt64(number)) }
        #expect(stream.window(upTo: 64 << 20) == window)
    }

    @Test("what was decoded ahead is there when its reader comes, on a disk larger than the cache")
    func nothingTwice() throws {
        let fixture = try Fixture(Array(repeating: .text, count: 160), cacheByteLimit: 2 << 20)
        for number in 0..<40 {
            let offset = number * 4 * Self.grainByteCount
            #expect(
                try fixture.disk.bytes(4 * Self.grainByteCount, at: UInt64(offset))
                    == Array(fixture.built.guest[offset..<(offset + 4 * Self.grainByteCount)]))
        }
        #expect(fixture.cache.statistics.clustersDecoded == 160)
    }

    @Test("a sequential reader does, gets the right bytes, and holes are stepped over")
    func sequential() throws {
        let grains: [GrainContent] =
            Array(repeating: .text, count: 8) + Array(repeating: .absent, count: 40)
            + Array(repeating: .text, count: 20)
        let fixture = try Fixture(grains)
        for number in 0..<4 {
            let offset = number * Self.grainByteCount
            #expect(
                try fixture.disk.bytes(Self.grainByteCount, at: UInt64(offset))
                    == Array(fixture.built.guest[offset..<(offset + Self.grainByteCount)]))
        }
        // The grains in front of the hole, and some behind it.
        #expect(fixture.waitForDecodedAhead(6))
        let first = try fixture.disk.image.extent(containing: UInt64(48 * Self.grainByteCount))
        guard case .compressed(let cluster) = first.storage else {
            Issue.record("grain 48 is compressed")
            return
        }
        for _ in 0..<2_000 where !fixture.cache.holds(fixture.disk.key(of: cluster, fixture.disk.layers[0])) {
            usleep(1_000)
        }
        #expect(fixture.cache.holds(fixture.disk.key(of: cluster, fixture.disk.layers[0])))
        #expect(try fixture.disk.bytes(fixture.built.guest.count, at: 0) == fixture.built.guest)
    }

    @Test("several readers, each sequential, are all read ahead for")
    func severalReaders() throws {
        let fixture = try Fixture(Array(repeating: .text, count: 320))
        for step in 0..<4 {
            for start in [0, 100, 200] {
                let offset = (start + step) * Self.grainByteCount
                #expect(
                    try fixture.disk.bytes(Self.grainByteCount, at: UInt64(offset))
                        == Array(fixture.built.guest[offset..<(offset + Self.grainByteCount)]))
            }
        }
        for start in [0, 100, 200] {
            let extent = try fixture.disk.image.extent(containing: UInt64((start + 6) * Self.grainByteCount))
            guard case .compressed(let cluster) = extent.storage else { continue }
            for _ in 0..<2_000
            where !fixture.cache.holds(fixture.disk.key(of: cluster, fixture.disk.layers[0])) {
                usleep(1_000)
            }
            #expect(
                fixture.cache.holds(fixture.disk.key(of: cluster, fixture.disk.layers[0])),
                "reader at \(start)")
        }
    }

    @Test("a damaged cluster fails alone, also where it was read ahead or is in a large read")
    func damaged() throws {
        let bad = 10
        let fixture = try Fixture(Array(repeating: .text, count: 24)) { built in
            let place = built.grainOffset(bad)
            // Behind marker and zlib header, in the middle of the data.
            for offset in 40..<60 { built.bytes[place + offset] ^= 0xff }
        }
        for number in 0..<24 {
            let offset = number * Self.grainByteCount
            let expected = Array(fixture.built.guest[offset..<(offset + Self.grainByteCount)])
            if number == bad {
                #expect(throws: ReadError.self) {
                    try fixture.disk.bytes(Self.grainByteCount, at: UInt64(offset))
                }
            } else {
                #expect(try fixture.disk.bytes(Self.grainByteCount, at: UInt64(offset)) == expected)
            }
        }
        // A read over all of it fails as a whole; those beside the damage do not, and readOnce is the same.
        #expect(throws: ReadError.self) { try fixture.disk.bytes(fixture.built.guest.count, at: 0) }
        let before = bad * Self.grainByteCount
        #expect(try fixture.disk.bytes(before, at: 0) == Array(fixture.built.guest[..<before]))
        let after = before + Self.grainByteCount
        let rest = fixture.built.guest.count - after
        #expect(try fixture.disk.bytes(rest, at: UInt64(after)) == Array(fixture.built.guest[after...]))
        #expect(throws: ReadError.self) { try Self.readOnce(fixture.disk, fixture.built.guest.count, at: 0) }
        #expect(try Self.readOnce(fixture.disk, before, at: 0) == Array(fixture.built.guest[..<before]))
    }

    static func readOnce(_ disk: GuestDisk, _ count: Int, at offset: UInt64) throws -> [UInt8] {
        var failure: ReadError?
        // SAFETY: the span covers the array's storage and ends before the closure does.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            let room = UnsafeMutableRawBufferPointer(buffer)
            var output = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
            do throws(ReadError) { try disk.readOnce(count, at: offset, into: &output) } catch {
                failure = error
            }
            initializedCount = unsafe output.finalize(for: room)
        }
        if let failure { throw failure }
        return bytes
    }

    @Test(
        "reading once gives what reading gives, at any place and length, and keeps nothing of whole clusters")
    func readOnceEqualsRead() throws {
        let fixture = try Fixture(GrainContent.mixed(30))
        var random = SeededRandom(seed: 5)
        let size = fixture.built.guest.count
        for _ in 0..<60 {
            let start = Int.random(in: 0..<size, using: &random)
            let count = Int.random(in: 0...min(size - start, 400_000), using: &random)
            #expect(
                try Self.readOnce(fixture.disk, count, at: UInt64(start))
                    == Array(fixture.built.guest[start..<(start + count)]))
        }
        #expect(throws: ReadError.self) { try Self.readOnce(fixture.disk, 2, at: UInt64(size) - 1) }
        let fresh = try Fixture(Array(repeating: .text, count: 8))
        _ = try Self.readOnce(fresh.disk, fresh.built.guest.count, at: 0)
        #expect(fresh.cache.statistics.cacheHits == 0 && fresh.cache.statistics.clustersDecodedAhead == 0)
    }

    @Test("threads that stopped take no requests, and the disk still reads")
    func stop() throws {
        let fixture = try Fixture(Array(repeating: .text, count: 20))
        fixture.stop()
        let isTaken = fixture.prefetcher.request(0..<65_536, of: fixture.disk, aheadOf: ReaderPosition(at: 0))
        #expect(!isTaken)
        #expect(try fixture.disk.bytes(fixture.built.guest.count, at: 0) == fixture.built.guest)
    }
}
