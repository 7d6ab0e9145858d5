// The cases about one disk: opening it, looking extents up, decoding grains, reading what is cached.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import TestSupport

/// Cases on a streamOptimized disk of 6 MiB in grains of 64 KiB: holes, text and a few grains that do not compress.
enum DiskCases {
    static let all = [openDisk, extentLookup, grainDecode, runDecode, cacheHit]

    private static let grainByteCount = 65_536
    private static let grainCount = 96
    /// Every stretch of 16 grains, 1 MiB, is stored without a hole in it.
    private static let runGrainCount = 16

    /// Opening an image file whose tables are at its end.
    private static let openDisk = BenchmarkCase("open-disk", "open a streamOptimized disk with a footer") {
        let meter = ReadMeter()
        let file = MeteredSource(image(.footer), countedBy: meter)
        return PreparedCase(
            run: { count in
                for _ in 0..<count {
                    let cache = ClusterCache(byteLimit: 1 << 20)
                    let number = cache.makeDiskNumber()
                    let image = try DiskImageOpener.open(
                        file, named: "disk.vmdk", in: cache, for: number,
                        options: .init(budget: OpeningBudget()))
                    precondition(image.virtualByteCount > 0, "the disk is empty")
                }
            }, sourceByteCount: { meter.byteCount })
    }

    private static let extentLookup = BenchmarkCase(
        "extent-lookup", "find where a guest byte is stored", isShort: true
    ) {
        let meter = ReadMeter()
        let opened = try OpenedImage(MeteredSource(image(.front), countedBy: meter))
        let byteCount = opened.image.virtualByteCount
        var random = SeededRandom(seed: 1)
        let offsets = (0..<256).map { _ in random.next() % byteCount }
        for offset in offsets { _ = try opened.image.extent(containing: offset) }
        return PreparedCase(
            run: { count in
                for number in 0..<count {
                    let extent = try opened.image.extent(containing: offsets[number & 255])
                    precondition(extent.byteCount > 0, "an extent is empty")
                }
            }, sourceByteCount: { meter.byteCount })
    }

    private static let grainDecode = BenchmarkCase("grain-decode", "read and decode one grain of 64 KiB") {
        try decoding(grainByteCount)
    }

    private static let runDecode = BenchmarkCase(
        "run-decode", "read and decode 16 grains that lie side by side"
    ) {
        try decoding(runGrainCount * grainByteCount)
    }

    private static let cacheHit = BenchmarkCase(
        "cache-hit", "gather 4 KiB of a grain that is in the cache, as a mount does", isShort: true
    ) {
        let meter = ReadMeter()
        let opened = try OpenedImage(MeteredSource(image(.front), countedBy: meter))
        let buffer = ReadBuffer(byteCount: grainByteCount)
        let length = 4096
        let byteCount = opened.disk.byteCount
        for offset in stride(from: 0, to: byteCount, by: grainByteCount) {
            try buffer.read(grainByteCount, at: offset, of: opened.disk)
        }
        var random = SeededRandom(seed: 2)
        let pieces = byteCount / UInt64(length)
        let lists = ObjectPool<GatherList>()
        let offsets = (0..<256).map { _ in random.next() % pieces * UInt64(length) }
        return PreparedCase(
            run: { count in
                for number in 0..<count {
                    try lists.withObject { list throws(ReadError) in
                        try opened.disk.gather(length, at: offsets[number & 255], into: list)
                        precondition(list.byteCount == length, "the list is short")
                    }
                }
            }, sourceByteCount: { meter.byteCount })
    }

    /// Reads stretches of the disk one after the other, without keeping them.
    private static func decoding(_ byteCount: Int) throws -> PreparedCase {
        let meter = ReadMeter()
        let opened = try OpenedImage(MeteredSource(image(.front), countedBy: meter))
        let buffer = ReadBuffer(byteCount: byteCount)
        let steps = grainCount * grainByteCount / byteCount
        // All of it once: tables are loaded, and the decoder has the memory that the largest grain needs.
        for step in 0..<steps {
            try buffer.readOnce(byteCount, at: UInt64(step * byteCount), of: opened.disk)
        }
        return PreparedCase(
            run: { count in
                for number in 0..<count {
                    try buffer.readOnce(byteCount, at: UInt64(number % steps * byteCount), of: opened.disk)
                }
            }, sourceByteCount: { meter.byteCount })
    }

    private static func image(_ place: StreamOptimizedBuilder.DirectoryPlace) -> MemorySource {
        // One grain in eight is a program or an archive, that does not compress.
        var builder = StreamOptimizedBuilder((0..<grainCount).map { $0 % 8 == 5 ? .noise : .prose })
        builder.grainSizeInSectors = grainByteCount / 512
        builder.directoryPlace = place
        return builder.build().source
    }
}
