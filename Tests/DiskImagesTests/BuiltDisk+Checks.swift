// Checks of images of blocks that tests change.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import TestSupport

extension OpenedImage {
    /// The first block of `disk` that is read, and is something else; also where the disk's length is another. Errors are
    /// fine. Sampled, it looks at the first bytes of each block.
    func firstWrongBlock(of built: BuiltDisk, sampled: Bool = false) -> Int? {
        guard disk.byteCount == UInt64(built.guest.count) else { return -1 }
        for start in stride(from: 0, to: built.guest.count, by: built.blockByteCount) {
            let count = min(sampled ? 4_096 : built.blockByteCount, built.guest.count - start)
            guard let bytes = try? disk.bytes(count, at: UInt64(start)) else { continue }
            if !built.guest.holds(bytes, at: start) { return start / built.blockByteCount }
        }
        return nil
    }
}

extension BuiltDisk {
    /// The image, without what it builds on.
    func openAlone() throws(ReadError) -> any DiskImage {
        let cache = ClusterCache(byteLimit: 16 << 20)
        return try DiskImageOpener.open(
            source, named: "disk", in: cache, for: cache.makeDiskNumber(), options: .init())
    }

    /// Opens and reads the image in `rounds` forms, each with some bytes of its records changed and then put right by
    /// `repair`; for whoever looks whether that traps.
    func mutate(rounds: Int, seed: UInt64, repair: (inout [UInt8]) -> Void) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<rounds {
            var bytes = bytes
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                guard let range = records.randomElement(using: &random) else { return }
                let values = [0, 1, 0x7f, 0x80, 0xfe, 0xff, UInt8.random(in: 0...255, using: &random)]
                let start = Int.random(in: range, using: &random)
                // A whole field at a time, often.
                let end = min(range.upperBound, start + ([1, 1, 4, 8].randomElement(using: &random) ?? 1))
                let value = values.randomElement(using: &random) ?? 0
                for offset in start..<end { bytes[offset] = value }
            }
            repair(&bytes)
            guard let opened = try? OpenedImage(MemorySource(bytes), neighbours: BlankParents.all) else {
                continue
            }
            _ = opened.image.allocatedByteCount
            let end = opened.disk.byteCount
            for start in [0, UInt64(blockByteCount), end / 2, end - min(end, 512)] where start < end {
                _ = try? opened.disk.bytes(Int(min(70_000, end - start)), at: start)
                _ = try? opened.disk.searchStep(for: .data, in: start..<end)
                _ = try? opened.disk.searchStep(for: .hole, in: start..<end)
            }
        }
    }
}

/// Empty disks that children may build on, by the names that they have for them.
enum BlankParents {
    static let all = MemoryNeighbours(
        files: Dictionary(
            uniqueKeysWithValues: ["parent.vhd", "one.vhd", "good.vhd", "c.vhd"].map {
                (
                    $0,
                    VHDBuilder(.dynamic, [.absent]).with { $0.identifier = [UInt8](repeating: 0, count: 16) }
                        .build().bytes
                )
            } + [
                ("parent.vhdx", VHDXBuilder([.absent]).build().bytes),
                (
                    "parent4096.vhdx",
                    VHDXBuilder([.absent]).with { $0.sectorByteCount = 4_096 }.build().bytes
                ),
            ]))
}

/// A source of one byte, again and again.
struct RepeatedByteSource: ByteSource {
    private let value: UInt8
    let byteCount: UInt64

    init(_ value: UInt8, byteCount: UInt64) {
        self.value = value
        self.byteCount = byteCount
    }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try checkRange(count, at: offset, named: "repeated byte")
        for _ in 0..<count { output.append(value) }
    }
}

enum SeededBytes {
    static func make(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var random = SeededRandom(seed: seed)
        return random.bytes(count)
    }
}

extension DiskImageOpener.Options {
    init(budget: OpeningBudget) { self.init(lenient: false, expectedByteCount: nil, budget: budget) }
}
