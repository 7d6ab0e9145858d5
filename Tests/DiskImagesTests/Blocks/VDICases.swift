// The rows of VDI in docs/FORMATS.md.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

extension VDIBuilder {
    /// 20 blocks of 4 KiB of every kind, changed by `change`.
    static func usual(_ change: (inout VDIBuilder) -> Void = { _ in }) -> VDIBuilder {
        VDIBuilder(GrainContent.mixed(20)).with(change)
    }

    /// An image of which `change` makes a child of another one.
    static func child(_ type: UInt32) -> VDIBuilder {
        usual {
            $0.type = type
            $0.parentCreation = Array(repeating: 0xa1, count: 16)
            $0.parentModification = Array(repeating: 0xb1, count: 16)
        }
    }
}

extension ImageCase {
    static let vdi = vdiKinds + vdiEntries + vdiEnds + vdiHeaders

    private static let vdiKinds = [
        ImageCase("VDI, normal", VDIBuilder.usual().build()),
        ImageCase(
            "VDI, fixed",
            VDIBuilder(Array(repeating: .text, count: 12)).with { $0.type = 2 }.build()),
        ImageCase("VDI, fixed with free blocks", VDIBuilder.usual { $0.type = 2 }.build()),
        ImageCase("VDI, undo, alone", VDIBuilder.child(3).build(), .refused("builds on another file")),
        ImageCase(
            "VDI, differencing, alone", VDIBuilder.child(4).build(), .refused("builds on another file")),
        ImageCase(
            "VDI, blocks in no order", VDIBuilder.usual { $0.order = Array((0..<20).reversed()) }.build()),
        ImageCase("VDI, block extra", VDIBuilder.usual { $0.extraByteCount = 512 }.build()),
        ImageCase("VDI, block extra of an odd length", VDIBuilder.usual { $0.extraByteCount = 100 }.build()),
        ImageCase("VDI, blocks of 64 KiB", VDIBuilder.usual { $0.blockByteCount = 65_536 }.build()),
        ImageCase("VDI, all blocks free", VDIBuilder(Array(repeating: .absent, count: 700)).build()),
        ImageCase("VDI, all blocks discarded", VDIBuilder(Array(repeating: .zeros, count: 700)).build()),
        ImageCase(
            "VDI, a map with more entries than needed", VDIBuilder.usual { $0.spareEntryCount = 50 }.build()),
        ImageCase("VDI, size 0", VDIBuilder([]).build()),
        ImageCase(
            "VDI, block numbers above the allocated count",
            VDIBuilder.usual { $0.unusedBlockCount = 30 }.build()),
        ImageCase(
            "VDI, version 1.0 with the shortest header",
            VDIBuilder.usual {
                $0.version = 0x0001_0000
                $0.headerByteCount = 384
            }.build()),
        ImageCase("VDI, geometry, allocated count and flags of garbage", VDIBuilder.usual().build()) {
            image in
            image.bytes.put([UInt8](repeating: 0xee, count: 20), at: 348)
            image.bytes.put(UInt32.max, at: 388)
            image.bytes.put(UInt32.max, at: 80)
            return .read
        },
        ImageCase(
            "VDI, a size that is not whole sectors",
            VDIBuilder(Array(repeating: .text, count: 6)).with { $0.diskByteCount = 5 * 4_096 + 1_000 }
                .build()),
    ]

    private static let vdiEntries = [
        ImageCase("VDI, an entry past the end", VDIBuilder.usual().build()) { image in
            image.setEntry(ofGrain: 6, to: 0x7fff_ffff)
            return .damaged([image.guestRange(ofGrain: 6)])
        },
        ImageCase("VDI, an entry one block past the end", VDIBuilder.usual().build()) { image in
            image.setEntry(ofGrain: 2, to: 12)
            return .damaged([image.guestRange(ofGrain: 2)])
        },
        ImageCase("VDI, the largest number in an entry", VDIBuilder.usual().build()) { image in
            image.setEntry(ofGrain: 2, to: 0xffff_fffd)
            return .damaged([image.guestRange(ofGrain: 2)])
        },
        ImageCase("VDI, two entries that name one block", VDIBuilder.usual().build()) { image in
            image.setEntry(ofGrain: 2, to: image.entry(ofGrain: 5))
            return .damaged([image.guestRange(ofGrain: 2), image.guestRange(ofGrain: 5)])
        },
        ImageCase("VDI, three entries that name one block", VDIBuilder.usual().build()) { image in
            image.setEntry(ofGrain: 2, to: image.entry(ofGrain: 5))
            image.setEntry(ofGrain: 17, to: image.entry(ofGrain: 5))
            return .damaged([2, 5, 17].map { image.guestRange(ofGrain: $0) })
        },
        ImageCase(
            "VDI, an entry past the end takes no block away from others", VDIBuilder.usual().build()
        ) { image in
            image.setEntry(ofGrain: 2, to: 12)
            image.setEntry(ofGrain: 4, to: 12)
            return .damaged([2, 4].map { image.guestRange(ofGrain: $0) })
        },
    ]

    private static let vdiEnds = [
        ImageCase("VDI, the file cut inside a block", VDIBuilder.usual().build()) { image in
            image.cut(inGrain: 17, at: 1_000)
            return .damaged([image.rest(ofGrain: 17, behind: 1_000)])
        },
        ImageCase(
            "VDI, the file cut inside a block's extra", VDIBuilder.usual { $0.extraByteCount = 512 }.build()
        ) { image in
            image.cut(inGrain: 17, at: -100)
            return .damaged([image.guestRange(ofGrain: 17)])
        },
        ImageCase("VDI, the file cut in the middle of its blocks", VDIBuilder.usual().build()) { image in
            image.cut(inGrain: 7, at: 0)
            return .damaged([7, 10, 11, 13, 15, 16, 17].map { image.guestRange(ofGrain: $0) })
        },
        ImageCase(
            "VDI, the file cut behind the guest's end",
            VDIBuilder(Array(repeating: .text, count: 6)).with { $0.diskByteCount = 5 * 4_096 + 512 }.build()
        ) { image in
            image.cut(inGrain: 5, at: 512)
            return .read
        },
        ImageCase(
            "VDI, the file cut inside the map", VDIBuilder(Array(repeating: .absent, count: 700)).build()
        ) { image in
            image.bytes.removeLast(image.bytes.count - image.entryOffset(ofGrain: 600) - 2)
            return .damaged([(600 * 4_096)..<(700 * 4_096)])
        },
        ImageCase("VDI, the map past the end", VDIBuilder.usual().build()) { image in
            image.bytes.removeLast(image.bytes.count - VDIBuilder.mapOffset)
            return .refused("block map of disk at byte 512")
        },
        ImageCase("VDI, the header cut", VDIBuilder.usual().build()) { image in
            image.bytes.removeLast(image.bytes.count - 455)
            return .refused("VDI header of disk")
        },
        ImageCase("VDI, nothing but the mark", VDIBuilder.usual().build()) { image in
            image.bytes.removeLast(image.bytes.count - 68)
            return .refused("VDI header of disk")
        },
    ]

    private static func vdiHeader<Value: FixedWidthInteger & Sendable>(
        _ row: String, _ value: Value, at offset: Int, _ reason: String
    ) -> ImageCase {
        ImageCase("VDI, \(row)", VDIBuilder.usual().build()) { image in
            image.bytes.put(value, at: offset)
            return .refused(reason)
        }
    }

    private static let vdiHeaders = [
        vdiHeader("version 0.2", UInt32(2), at: 68, "version 0.2"),
        vdiHeader("version 2.0", UInt32(0x2_0000), at: 68, "version 2.0"),
        vdiHeader("a header of 383 bytes", UInt32(383), at: 72, "at least 384"),
        vdiHeader("a header that reaches into the map", UInt32(441), at: 72, "inside the header"),
        vdiHeader("a header of 4 GiB", UInt32.max, at: 72, "inside the header"),
        vdiHeader("type 0", UInt32(0), at: 76, "type 0"),
        vdiHeader("type 5", UInt32(5), at: 76, "type 5"),
        vdiHeader("the map inside the header", UInt32(64), at: 340, "inside the header"),
        vdiHeader("the data inside the map", UInt32(VDIBuilder.mapOffset + 79), at: 344, "inside the map"),
        vdiHeader("the data before the map", UInt32(0), at: 344, "inside the map"),
        vdiHeader("blocks of 0 bytes", UInt32(0), at: 376, "a block has 0 bytes"),
        vdiHeader("blocks of 2 KiB", UInt32(2_048), at: 376, "a block has 2048 bytes"),
        vdiHeader("blocks of 12 KiB", UInt32(12_288), at: 376, "a block has 12288 bytes"),
        vdiHeader("blocks of 512 MiB", UInt32(512 << 20), at: 376, "a block has 536870912 bytes"),
        vdiHeader("a block extra of 4 GiB", UInt32.max, at: 380, "4294967295 extra bytes"),
        vdiHeader(
            "fewer blocks than the disk needs", UInt32(19), at: 384, "19 blocks of 4096 bytes cannot hold"),
        vdiHeader("more blocks than there is room for", UInt32.max, at: 384, "inside the map"),
        vdiHeader("a disk of 2^63 bytes", UInt64(1) << 63, at: 368, "cannot hold"),
        vdiHeader("a disk of 2^64 - 1 bytes", UInt64.max, at: 368, "cannot hold"),
        ImageCase("VDI, a map larger than the file", VDIBuilder.usual().build()) { image in
            image.bytes.put(UInt64(1) << 40, at: 368)
            image.bytes.put(UInt32(1) << 28, at: 384)
            image.bytes.put(UInt32(2) << 30, at: 344)
            return .refused("the whole file has")
        },
        ImageCase(
            "VDI, a parent where the type has none", VDIBuilder.child(1).build(), .refused("names one")),
        ImageCase(
            "VDI, no parent where the type has one", VDIBuilder.usual { $0.type = 4 }.build(),
            .refused("names none")),
    ]
}
