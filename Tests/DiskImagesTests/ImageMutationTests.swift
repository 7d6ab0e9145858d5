// Tests that change images at random.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import TestSupport
import Testing

@Suite("Images with bytes changed at random")
struct ImageMutationTests {
    private static let seeds: [UInt64] = [1, 2, 3, 4]

    private func grainRanges(_ image: BuiltImage) -> [Range<Int>] {
        image.places.grains.sorted { $0.key < $1.key }.map { grain, start in
            start..<(start + (image.places.storedByteCounts[grain] ?? 0))
        }
    }

    @Test("changed grains and markers give an error or the same bytes", arguments: seeds)
    func grains(seed: UInt64) {
        let image = StreamOptimizedBuilder.usual().build()
        let mutation = ImageMutation(in: grainRanges(image), isChecksummed: true)
        #expect(mutation.violations(image, rounds: 50, seed: seed) == [])
    }

    @Test("changed grains without the marker flag give an error or the same bytes", arguments: seeds)
    func grainsWithoutMarkers(seed: UInt64) {
        let image = StreamOptimizedBuilder.usual {
            $0.flags = 0x1_0001
            $0.framing = .size
        }.build()
        let mutation = ImageMutation(in: grainRanges(image), isChecksummed: true)
        #expect(mutation.violations(image, rounds: 50, seed: seed) == [])
    }

    @Test("changed table entries above 1 give an error or the same bytes", arguments: seeds)
    func entries(seed: UInt64) {
        let image = StreamOptimizedBuilder.usual { $0.level = 1 }.build()
        // The second byte of an entry: neither 0 nor 1 come of it, as the first one is above 1.
        let ranges = image.places.grains.keys.sorted().filter { image.entry(ofGrain: $0) & 0xff > 1 }.map {
            image.entryOffset(ofGrain: $0) + 1..<image.entryOffset(ofGrain: $0) + 4
        }
        let mutation = ImageMutation(in: ranges, isChecksummed: true)
        #expect(mutation.violations(image, rounds: 50, seed: seed) == [])
    }

    @Test("changed metadata never traps", arguments: seeds, [true, false])
    func metadata(seed: UInt64, lenient: Bool) {
        let stream = StreamOptimizedBuilder.usual().build()
        let options = DiskImageOpener.Options(lenient: lenient)
        let ends = ImageMutation(
            in: [0..<512, 512..<2_560, stream.places.directory - 512..<stream.bytes.count],
            isChecksummed: false)
        #expect(ends.violations(stream, options: options, rounds: 200, seed: seed) == [])
        let front = StreamOptimizedBuilder.usual { $0.directoryPlace = .front }.build()
        let maps = ImageMutation(
            in: [0..<90, front.places.directory..<front.grainOffset(0)], isChecksummed: false)
        #expect(maps.violations(front, options: options, rounds: 200, seed: seed) == [])
        let plain = MonolithicSparseBuilder.usual().build()
        let plainMaps = ImageMutation(in: [0..<90, 512..<plain.grainOffset(0)], isChecksummed: false)
        #expect(plainMaps.violations(plain, options: options, rounds: 200, seed: seed) == [])
    }

    @Test("a file of any length never traps")
    func anyLength() {
        let image = StreamOptimizedBuilder([.text, .noise]).with { $0.grainSizeInSectors = 1 }.build()
        for byteCount in stride(from: 0, to: image.bytes.count, by: 97) {
            for lenient in [false, true] {
                var cut = image
                cut.bytes.removeLast(image.bytes.count - byteCount)
                guard let opened = try? OpenedImage(cut.source, options: .init(lenient: lenient)) else {
                    continue
                }
                // Fewer than four bytes are left of the magic: a raw disk.
                guard byteCount >= 4 else { continue }
                for grain in 0..<2 {
                    guard let bytes = try? opened.disk.bytes(512, at: UInt64(grain * 512)) else { continue }
                    #expect(bytes[...] == image.guest[grain * 512..<(grain + 1) * 512])
                }
            }
        }
    }
}
