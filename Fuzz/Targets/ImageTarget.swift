// Disk images.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages

enum ImageTarget {
    static func run(_ bytes: [UInt8]) {
        read(MemorySource(bytes), lenient: false)
        read(MemorySource(bytes), lenient: true)
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
