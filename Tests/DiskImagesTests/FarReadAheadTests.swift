// Tests of what is asked for ahead of readers of a disk that is far away.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("Reading ahead from afar")
struct FarReadAheadTests {
    private static let clusterByteCount: UInt64 = 64 << 10
    private static let limit = 4 << 20

    /// A disk whose clusters lie in the file from the last one to the first; every eighth one is a hole.
    private struct BackwardImage: DiskImage {
        let clusterCount: UInt64
        let format = DiskFormat.raw
        let clusterByteCount = 0
        let warnings: [String] = []
        var virtualByteCount: UInt64 { clusterCount * FarReadAheadTests.clusterByteCount }
        var allocatedByteCount: UInt64 { virtualByteCount }

        func extent(containing offset: UInt64) -> Extent {
            let index = offset / FarReadAheadTests.clusterByteCount
            let start = index * FarReadAheadTests.clusterByteCount
            let stored = (clusterCount - 1 - index) * FarReadAheadTests.clusterByteCount
            return Extent(
                guestOffset: start, byteCount: FarReadAheadTests.clusterByteCount,
                storage: index % 8 == 7 ? .zeros : .stored(at: stored))
        }

        /// Where the bytes of guest clusters `range` are in the file.
        func stored(_ range: Range<UInt64>) -> Set<UInt64> {
            Set(range.filter { $0 % 8 != 7 }.map { clusterCount - 1 - $0 })
        }
    }

    /// A file that is far away, and what was asked of it.
    private final class FarSource: ByteSource {
        let base: any ByteSource
        private let prepared = SleepingMutex<[Range<UInt64>]>([])
        private let atHand: Range<UInt64>

        init(_ base: any ByteSource, atHand: Range<UInt64> = 0..<0) {
            self.base = base
            self.atHand = atHand
        }

        var byteCount: UInt64 { base.byteCount }
        var isNear: Bool { false }

        func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
            try base.read(count, at: offset, into: &output)
        }

        func prepare(_ range: Range<UInt64>) {
            prepared.withLock { $0.append(range) }
        }

        func isAtHand(_ range: Range<UInt64>) -> Bool { range.clamped(to: atHand) == range }

        var ranges: [Range<UInt64>] { prepared.withLock { $0 } }

        /// The clusters of the file that were prepared.
        var clusters: Set<UInt64> {
            Set(
                ranges.flatMap {
                    $0.lowerBound / clusterByteCount..<($0.upperBound - 1) / clusterByteCount + 1
                })
        }
    }

    private static func disk(clusters: UInt64 = 512) throws -> (BackwardImage, FarSource, GuestDisk) {
        let image = BackwardImage(clusterCount: clusters)
        let file = FarSource(ZeroSource(byteCount: image.virtualByteCount))
        let cache = ClusterCache(byteLimit: 4 * limit)
        return (image, file, GuestDisk(image, in: file, cache: cache, number: cache.makeDiskNumber()))
    }

    @Test("ahead of a reader, what it will want is asked for in the guest's order, and no holes")
    func sequential() throws {
        let (image, file, disk) = try Self.disk()
        let step = 2 * Self.clusterByteCount
        for number in 0..<64 as Range<UInt64> {
            _ = try disk.bytes(Int(step), at: number * step)
            let position = (number + 1) * 2
            if number == 0 { #expect(file.ranges.isEmpty) }
            // What was asked for is a run of the guest's clusters, from the first reads on.
            guard let last = file.clusters.min().map({ image.clusterCount - 1 - $0 }) else { continue }
            #expect(file.clusters.isSubset(of: image.stored(0..<(last + 1))))
            let ahead = image.stored(position..<max(position, last + 1))
            #expect(ahead.isSubset(of: file.clusters))
            #expect(ahead.count * Int(Self.clusterByteCount) <= Self.limit)
        }
        let asked = file.clusters.min().map { image.clusterCount - 1 - $0 } ?? 0
        #expect(asked >= 128 + UInt64(Self.limit) / Self.clusterByteCount / 2, "the window did not grow")
        #expect(file.ranges.count < 64, "it is asked in small pieces")
    }

    @Test("a disk that was read to its end was asked for once")
    func once() throws {
        let (image, file, disk) = try Self.disk(clusters: 256)
        for number in 0..<64 as Range<UInt64> {
            _ = try disk.bytes(4 * Int(Self.clusterByteCount), at: number * 4 * Self.clusterByteCount)
        }
        let byteCount = file.ranges.reduce(0) { $0 + UInt64($1.count) }
        #expect(byteCount <= UInt64(image.stored(0..<256).count) * Self.clusterByteCount)
        #expect(file.clusters.contains(1))
    }

    @Test("who jumps about causes no request ahead")
    func random() throws {
        let (_, file, disk) = try Self.disk()
        var random = SeededRandom(seed: 7)
        for _ in 0..<64 {
            _ = try disk.bytes(4096, at: UInt64.random(in: 0..<8192, using: &random) * 4096)
        }
        #expect(file.ranges.isEmpty)
    }

    @Test("a large read is asked for as a whole, and nothing behind it")
    func large() throws {
        let (image, file, disk) = try Self.disk()
        _ = try disk.bytes(2 << 20, at: 8 << 20)
        #expect(file.clusters == image.stored(128..<160))
    }

    @Test("many readers at once: each has its own place")
    func many() throws {
        let (image, file, disk) = try Self.disk(clusters: 4_096)
        for number in 0..<6 as Range<UInt64> {
            for reader in 0..<4 as Range<UInt64> {
                let start = (reader * 1_024 + number * 2) * Self.clusterByteCount
                _ = try disk.bytes(2 * Int(Self.clusterByteCount), at: start)
            }
        }
        for reader in 0..<4 as Range<UInt64> {
            let next = reader * 1_024 + 12
            #expect(image.stored(next..<(next + 8)).isSubset(of: file.clusters))
        }
    }

    @Test("what is not at hand is not decoded ahead, and decoded by its reader", arguments: [false, true])
    func decoding(isAtHand: Bool) throws {
        var builder = StreamOptimizedBuilder(Array(repeating: .text, count: 8))
        builder.grainSizeInSectors = 128
        let built = builder.build()
        let cache = ClusterCache(byteLimit: 4 << 20)
        let number = cache.makeDiskNumber()
        let image = try DiskImageOpener.open(
            built.source, named: "disk.vmdk", in: cache, for: number, options: .init())
        let file = FarSource(built.source, atHand: isAtHand ? 0..<built.source.byteCount : 0..<0)
        let disk = GuestDisk(image, in: file, cache: cache, number: number)
        try disk.load(0..<disk.byteCount, aheadOf: ReaderPosition(at: 0))
        #expect(cache.statistics.clustersDecodedAhead == (isAtHand ? 8 : 0))
        #expect(try disk.bytes(built.guest.count, at: 0) == built.guest)
    }
}
