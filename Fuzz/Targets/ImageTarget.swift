// Disk images.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import TestSupport

enum ImageTarget {
    static func run(_ bytes: [UInt8]) {
        read(MemorySource(bytes), lenient: false)
        read(MemorySource(bytes), lenient: true)
        if let repaired = withRightChecksums(bytes) { read(MemorySource(repaired), lenient: false) }
        if partMarks.contains(where: { bytes.starts(with: $0) }) { readPart(bytes) }
    }

    /// Hosted sparse extents, COWD, seSparse.
    private static let partMarks = [Array("KDMV".utf8), Array("COWD".utf8), [0xbe, 0xba, 0xfe, 0xca]]

    /// Reads `bytes` as the part of a disk that a descriptor names.
    private static func readPart(_ bytes: [UInt8]) {
        let descriptor = Array("# Disk DescriptorFile\nRW 1048576 SPARSE \"part\"\n".utf8)
        let cache = ClusterCache(byteLimit: 32 << 20)
        guard
            let layers = try? ChainOpener.open(
                MemorySource(descriptor), named: "disk", in: cache, options: .init(budget: OpeningBudget()),
                neighbours: Part(bytes: bytes))
        else { return }
        read(GuestDisk(layers, cache: cache))
    }

    private struct Part: NeighbourFiles {
        let bytes: [UInt8]

        func file(named name: [UInt8]) -> NeighbourFile? {
            NeighbourFile(MemorySource(bytes), named: "part", key: FileKey([1]))
        }

        func names(atMost limit: Int) -> [[UInt8]] { [] }
    }

    /// A VHD or VHDX whose records have right checksums, so that what they protect is looked at; nil for all else.
    private static func withRightChecksums(_ bytes: [UInt8]) -> [UInt8]? {
        var bytes = bytes
        func repair(_ place: Range<Int>, _ repair: (inout [UInt8]) -> Void) {
            guard place.lowerBound >= 0, place.upperBound <= bytes.count else { return }
            var record = Array(bytes[place])
            repair(&record)
            bytes.put(record, at: place.lowerBound)
        }
        if bytes.starts(with: Array("vhdxfile".utf8)) {
            for (start, byteCount) in [(64, 4), (128, 4), (192, 64), (256, 64)] {
                repair((start << 10)..<((start + byteCount) << 10)) { $0.putVHDXChecksum() }
            }
            return bytes
        }
        let footer = bytes.count - 512
        guard
            bytes.starts(with: Array("conectix".utf8))
                || footer > 0 && bytes[footer...].starts(with: Array("conectix".utf8))
        else { return nil }
        repair(footer..<(footer + 512)) { $0.putVHDChecksum(at: 64) }
        repair(512..<1_536) { $0.putVHDChecksum(at: 36) }
        return bytes
    }

    /// Opens an image and reads here and there, and asks where its data is.
    static func read(_ source: any ByteSource, lenient: Bool) {
        let cache = ClusterCache(byteLimit: 32 << 20)
        let number = cache.makeDiskNumber()
        guard
            let image = try? DiskImageOpener.open(
                source, named: "disk", in: cache, for: number,
                options: .init(lenient: lenient, budget: OpeningBudget()))
        else { return }
        read(GuestDisk(image, in: source, cache: cache, number: number))
        for snapshot in image.snapshots.prefix(snapshotsRead) {
            read(GuestDisk(snapshot.image, in: source, cache: cache, number: cache.makeDiskNumber()))
        }
    }

    static func read(_ disk: any ByteSource) {
        var position: UInt64 = 0
        for _ in 0..<stretchesRead where position < disk.byteCount {
            let count = min(disk.byteCount - position, 70_000)
            _ = try? disk.bytes(Int(count), at: position)
            guard let data = try? disk.firstOffset(of: .data, in: position + count..<disk.byteCount) else {
                break
            }
            position = data
        }
        let tail = min(disk.byteCount, 4096)
        _ = try? disk.bytes(Int(tail), at: disk.byteCount - tail)
    }

    /// Stretches of an image that are read in a round; more would make rounds slow.
    private static let stretchesRead = 24
    private static let snapshotsRead = 2
}
