// Changing bytes of an image at random: whatever they are, nothing traps and nothing checksummed reads wrong.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
package import DiskImages

/// Opens and reads images in which some bytes were changed.
package struct ImageMutation {
    /// Where bytes may be changed, in bytes of the file.
    private let ranges: [Range<Int>]
    /// Whether a read that succeeds must give the bytes of the unchanged image.
    private let isChecksummed: Bool

    /// - Parameters:
    ///   - ranges: Where bytes may be changed, in bytes of the file.
    ///   - isChecksummed: Whether a read that succeeds must give what the unchanged image gives.
    package init(in ranges: [Range<Int>], isChecksummed: Bool) {
        self.ranges = ranges.filter { !$0.isEmpty }
        self.isChecksummed = isChecksummed
    }

    /// Wrong bytes that were read in `rounds` rounds of changes to `image`.
    package func violations(
        _ image: BuiltImage, options: DiskImageOpener.Options = .init(), rounds: Int, seed: UInt64
    ) -> [String] {
        var random = SeededRandom(seed: seed)
        var problems: [String] = []
        for round in 0..<rounds {
            var bytes = image.bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                guard let range = ranges.randomElement(using: &random) else { return ["nothing to change"] }
                let value = [0, 1, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &random)]
                bytes[Int.random(in: range, using: &random)] = value.randomElement(using: &random) ?? 0
            }
            problems += violations(of: MemorySource(bytes), expected: image, options).map {
                "\($0) (seed \(seed), round \(round))"
            }
        }
        return problems
    }

    private func violations(
        of file: MemorySource, expected: BuiltImage, _ options: DiskImageOpener.Options
    ) -> [String] {
        // Room for few clusters: what is read was decoded now.
        let cache = ClusterCache(byteLimit: 1 << 20)
        let number = cache.makeDiskNumber()
        guard
            let image = try? DiskImageOpener.open(
                file, named: "changed.vmdk", in: cache, for: number, options: options)
        else { return [] }
        _ = image.allocatedByteCount
        let disk = GuestDisk(image, in: file, cache: cache, number: number)
        // A changed capacity can be huge: the start and the end are enough of it.
        let step = UInt64(expected.grainByteCount)
        let byteCount = disk.byteCount
        let starts = stride(from: 0, to: min(byteCount, UInt64(expected.guest.count)), by: Int(step)).map {
            $0
        }
        var problems: [String] = []
        for start in starts + (byteCount > step ? [byteCount - step] : []) {
            let count = Int(min(step, byteCount - start))
            guard let bytes = try? disk.bytes(count, at: start) else { continue }
            if isChecksummed, !expected.guest.holds(bytes, at: Int(start)) {
                problems.append("wrong bytes at \(start)")
            }
        }
        return problems
    }
}
