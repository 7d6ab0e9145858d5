// The rows of cloop in docs/FORMATS.md.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

extension CloopBuilder {
    /// 12 blocks of 4 KiB of every kind, changed by `change`.
    static func usual(_ change: (inout CloopBuilder) -> Void = { _ in }) -> CloopBuilder {
        CloopBuilder(GrainContent.mixed(12)).with(change)
    }
}

extension BuiltImage {
    /// Puts another stream in place of block `index` of a cloop file; what follows moves.
    fileprivate mutating func replaceBlock(_ index: Int, with data: [UInt8]) {
        let stream = ZlibCompressor.compress(data)
        let old = places.storedByteCounts[index] ?? 0
        bytes.replaceSubrange(grainOffset(index)..<(grainOffset(index) + old), with: stream)
        for later in (index + 1)...(guest.count / grainByteCount) {
            let place = CloopBuilder.tableOffset + later * 8
            let offset = UInt64(bigEndian: bytes.littleEndian(UInt64.self, at: place))
            bytes.put((offset + UInt64(stream.count) - UInt64(old)).bigEndian, at: place)
        }
    }

    fileprivate mutating func setOffset(_ index: Int, to offset: UInt64) {
        bytes.put(offset.bigEndian, at: CloopBuilder.tableOffset + index * 8)
    }
}

extension ImageCase {
    static let cloop = cloopBlocks + cloopHeaders

    private static let cloopBlocks = [
        ImageCase("cloop", CloopBuilder.usual().build()),
        ImageCase("cloop, blocks of 512 bytes", CloopBuilder.usual { $0.blockByteCount = 512 }.build()),
        ImageCase("cloop, blocks of 63 sectors", CloopBuilder.usual { $0.blockByteCount = 63 * 512 }.build()),
        ImageCase("cloop, blocks that do not compress", CloopBuilder.usual { $0.level = 0 }.build()),
        ImageCase("cloop, size 0", CloopBuilder([]).build()),
        ImageCase(
            "cloop, bytes behind the last block",
            CloopBuilder.usual().build().with {
                $0.bytes += [UInt8](repeating: 0xee, count: 1_000)
            }),
        ImageCase("cloop, damaged data", CloopBuilder.usual().build()) { image in
            image.bytes[image.grainOffset(5) + 30] ^= 0xff
            return .damaged([image.guestRange(ofGrain: 5)])
        },
        ImageCase("cloop, a wrong checksum", CloopBuilder.usual().build()) { image in
            image.bytes[image.grainOffset(6) - 1] ^= 1
            return .damaged([image.guestRange(ofGrain: 5)])
        },
        ImageCase("cloop, a block that inflates to less", CloopBuilder.usual().build()) { image in
            image.replaceBlock(5, with: [UInt8](repeating: 7, count: 4_095))
            return .damaged([image.guestRange(ofGrain: 5)])
        },
        ImageCase("cloop, a last block that inflates to less", CloopBuilder.usual().build()) { image in
            image.replaceBlock(11, with: [UInt8](repeating: 7, count: 512))
            return .damaged([image.guestRange(ofGrain: 11)])
        },
        ImageCase("cloop, a block that inflates to one byte more", CloopBuilder.usual().build()) { image in
            image.replaceBlock(5, with: [UInt8](repeating: 7, count: 4_097))
            return .damaged([image.guestRange(ofGrain: 5)])
        },
        ImageCase("cloop, a block that inflates to a thousand times as much", CloopBuilder.usual().build()) {
            image in
            image.replaceBlock(5, with: [UInt8](repeating: 7, count: 4 << 20))
            return .damaged([image.guestRange(ofGrain: 5)])
        },
        ImageCase("cloop, a block of no bytes", CloopBuilder.usual().build()) { image in
            image.setOffset(6, to: UInt64(image.grainOffset(5)))
            // The block behind it starts where this one does.
            return .damaged([image.guestRange(ofGrain: 5), image.guestRange(ofGrain: 6)])
        },
        ImageCase("cloop, a block that is not told from the next one", CloopBuilder.usual().build()) {
            image in
            image.setOffset(5, to: UInt64(image.grainOffset(5) + 1))
            return .damaged([image.guestRange(ofGrain: 4), image.guestRange(ofGrain: 5)])
        },
        ImageCase("cloop, a block larger than what it holds", CloopBuilder.usual().build()) { image in
            image.setOffset(12, to: 1 << 40)
            return .damaged([image.guestRange(ofGrain: 11)])
        },
        ImageCase("cloop, a block on the offsets", CloopBuilder.usual().build()) { image in
            image.setOffset(0, to: 136)
            return .damaged([image.guestRange(ofGrain: 0)])
        },
        ImageCase("cloop, the file cut inside a block", CloopBuilder.usual().build()) { image in
            image.cut(inGrain: 10, at: 5)
            return .damaged([10, 11].map { image.guestRange(ofGrain: $0) })
        },
    ]

    private static func cloopHeader(
        _ row: String, _ value: UInt32, at offset: Int, _ reason: String
    ) -> ImageCase {
        ImageCase("cloop, \(row)", CloopBuilder.usual().build()) { image in
            image.bytes.put(value.bigEndian, at: offset)
            return .refused(reason)
        }
    }

    private static let cloopHeaders = [
        cloopHeader("blocks of 0 bytes", 0, at: 128, "a block has 0 bytes"),
        cloopHeader("blocks of 256 bytes", 256, at: 128, "a block has 256 bytes"),
        cloopHeader("blocks of no whole sectors", 4_097, at: 128, "a block has 4097 bytes"),
        cloopHeader("blocks of 64 MiB and a sector", 64 << 20 + 512, at: 128, "a block has 67109376 bytes"),
        cloopHeader("more blocks than there are offsets", .max, at: 132, "the whole file has"),
        ImageCase("cloop, offsets that fall", CloopBuilder.usual().build()) { image in
            image.setOffset(5, to: UInt64(image.grainOffset(4) - 1))
            return .refused("offsets of disk at byte \(CloopBuilder.tableOffset + 5 * 8)")
        },
        ImageCase("cloop, offsets of which the last falls", CloopBuilder.usual().build()) { image in
            image.setOffset(12, to: 0)
            return .refused("offsets of disk")
        },
        ImageCase("cloop, the file cut inside the offsets", CloopBuilder.usual().build()) { image in
            image.bytes.removeLast(image.bytes.count - 180)
            return .refused("offsets do")
        },
        ImageCase("cloop, the header cut", CloopBuilder.usual().build()) { image in
            image.bytes.removeLast(image.bytes.count - 135)
            return .refused("cloop header of disk")
        },
        ImageCase("cloop, nothing but the mark", CloopBuilder.usual().build()) { image in
            image.bytes.removeLast(image.bytes.count - 23)
            return .refused("cloop header of disk")
        },
    ]
}
