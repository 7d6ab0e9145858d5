// The rows of Parallels in docs/FORMATS.md.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

extension ParallelsBuilder {
    /// 20 blocks of 4 KiB, changed by `change`.
    static func usual(_ change: (inout ParallelsBuilder) -> Void = { _ in }) -> ParallelsBuilder {
        ParallelsBuilder(GrainContent.mixed(20)).with(change)
    }

    /// The same whose entries count in sectors.
    static func plain(_ change: (inout ParallelsBuilder) -> Void = { _ in }) -> ParallelsBuilder {
        usual { $0.isExtended = false }.with(change)
    }
}

extension ImageCase {
    static let parallels = parallelsKinds + parallelsEntries + parallelsEnds + parallelsHeaders

    private static let parallelsKinds = [
        ImageCase("Parallels, WithouFreSpacExt", ParallelsBuilder.usual().build()),
        ImageCase("Parallels, WithoutFreeSpace", ParallelsBuilder.plain().build()),
        ImageCase(
            "Parallels, 63 sectors a block", ParallelsBuilder.usual { $0.sectorsPerBlock = 63 }.build()),
        ImageCase(
            "Parallels, 63 sectors a block, WithoutFreeSpace",
            ParallelsBuilder.plain { $0.sectorsPerBlock = 63 }.build()),
        ImageCase("Parallels, one sector a block", ParallelsBuilder.usual { $0.sectorsPerBlock = 1 }.build()),
        ImageCase(
            "Parallels, blocks in no order",
            ParallelsBuilder.plain { $0.order = Array((0..<20).reversed()) }.build()),
        ImageCase("Parallels, no data offset", ParallelsBuilder.plain { $0.saysDataOffset = false }.build()),
        ImageCase(
            "Parallels, more entries than needed", ParallelsBuilder.usual { $0.spareEntryCount = 99 }.build()),
        ImageCase("Parallels, size 0", ParallelsBuilder([]).build()),
        ImageCase(
            "Parallels, a last block that the disk does not fill",
            ParallelsBuilder.usual {
                $0.blocks[19] = .text
                $0.sectorCount = 20 * 8 - 3
            }.build()),
        ImageCase(
            "Parallels, in use", ParallelsBuilder.usual { $0.use = 0x746f_6e59 }.build(), warning: "in use"),
        ImageCase("Parallels, a mark of use of 0", ParallelsBuilder.usual { $0.use = 0 }.build()),
        ImageCase(
            "Parallels, the upper half of a size in sectors, WithoutFreeSpace",
            ParallelsBuilder.plain { $0.upperHalfOfSize = 0xdead_beef }.build()),
        ImageCase("Parallels, an extension past the end", ParallelsBuilder.usual().build()) { image in
            image.bytes.put(UInt64.max, at: 56)
            return .read
        },
    ]

    private static let parallelsEntries = [
        ImageCase("Parallels, an entry past the end", ParallelsBuilder.usual().build()) { image in
            image.setEntry(ofGrain: 6, to: UInt32.max)
            return .damaged([image.guestRange(ofGrain: 6)])
        },
        ImageCase("Parallels, an entry below the data offset", ParallelsBuilder.plain().build()) { image in
            image.bytes.put(UInt32(image.grainOffset(1) / 512), at: 48)
            return .damaged([image.guestRange(ofGrain: 0)])
        },
        ImageCase(
            "Parallels, an entry into the table",
            ParallelsBuilder.plain {
                $0.saysDataOffset = false
                $0.spareEntryCount = 280
            }.build()
        ) { image in
            image.setEntry(ofGrain: 2, to: 1)
            return .damaged([image.guestRange(ofGrain: 2)])
        },
        ImageCase("Parallels, two entries that name one block", ParallelsBuilder.usual().build()) { image in
            image.setEntry(ofGrain: 2, to: image.entry(ofGrain: 5))
            return .damaged([2, 5].map { image.guestRange(ofGrain: $0) })
        },
        ImageCase("Parallels, two entries whose blocks overlap", ParallelsBuilder.plain().build()) { image in
            image.setEntry(ofGrain: 2, to: image.entry(ofGrain: 6) - 1)
            return .damaged([2, 5, 6].map { image.guestRange(ofGrain: $0) })
        },
        ImageCase(
            "Parallels, two entries of 63 sectors whose blocks overlap in one",
            ParallelsBuilder.plain { $0.sectorsPerBlock = 63 }.build()
        ) { image in
            image.setEntry(ofGrain: 6, to: image.entry(ofGrain: 5) + 62)
            return .damaged([5, 6].map { image.guestRange(ofGrain: $0) })
        },
        ImageCase("Parallels, an entry into the extension", ParallelsBuilder.usual().build()) { image in
            image.bytes.put(UInt64(image.grainOffset(7) / 512), at: 56)
            return .damaged([image.guestRange(ofGrain: 7)])
        },
        ImageCase(
            "Parallels, the product of an entry and a block", ParallelsBuilder([.text, .absent]).build()
        ) {
            image in
            image.bytes.put(UInt32.max, at: 28)
            image.setEntry(ofGrain: 0, to: UInt32.max)
            return .damaged([image.guestRange(ofGrain: 0).lowerBound..<UInt64(image.guest.count)])
        },
    ]

    private static let parallelsEnds = [
        ImageCase("Parallels, the file cut inside a block", ParallelsBuilder.usual().build()) { image in
            image.cut(inGrain: 17, at: 1_000)
            return .damaged([image.rest(ofGrain: 17, behind: 1_000)])
        },
        ImageCase(
            "Parallels, the file cut behind the guest's end",
            ParallelsBuilder.usual {
                $0.blocks = Array(repeating: .text, count: 6)
                $0.sectorCount = 5 * 8 + 1
            }.build()
        ) { image in
            image.cut(inGrain: 5, at: 512)
            return .read
        },
        ImageCase(
            "Parallels, the file cut inside the table",
            ParallelsBuilder(Array(repeating: .absent, count: 700)).build()
        ) { image in
            image.bytes.removeLast(image.bytes.count - image.entryOffset(ofGrain: 690) - 2)
            return .damaged([(690 * 4_096)..<(700 * 4_096)])
        },
        ImageCase("Parallels, the table past the end", ParallelsBuilder.usual().build()) { image in
            image.bytes.removeLast(image.bytes.count - 64)
            return .refused("block allocation table of disk")
        },
        ImageCase("Parallels, the header cut", ParallelsBuilder.usual().build()) { image in
            image.bytes.removeLast(image.bytes.count - 63)
            return .refused("Parallels header of disk")
        },
        ImageCase("Parallels, nothing but the mark", ParallelsBuilder.plain().build()) { image in
            image.bytes.removeLast(image.bytes.count - 16)
            return .refused("Parallels header of disk")
        },
    ]

    private static func parallelsHeader<Value: FixedWidthInteger & Sendable>(
        _ row: String, _ value: Value, at offset: Int, _ reason: String
    ) -> ImageCase {
        ImageCase("Parallels, \(row)", ParallelsBuilder.usual().build()) { image in
            image.bytes.put(value, at: offset)
            return .refused(reason)
        }
    }

    private static let parallelsHeaders = [
        parallelsHeader("version 1", UInt32(1), at: 16, "version 1"),
        parallelsHeader("0 sectors a block", UInt32(0), at: 28, "a block has no sectors"),
        parallelsHeader("an unknown mark of use", UInt32(1), at: 44, "mark of use is 0x1"),
        parallelsHeader("fewer entries than the size needs", UInt32(19), at: 32, "cannot hold"),
        parallelsHeader("a size whose bytes overflow", UInt64(1) << 55, at: 36, "a number is too large"),
        parallelsHeader("a size in sectors whose upper half counts", UInt32(1), at: 40, "cannot hold"),
        ImageCase("Parallels, a table larger than the file", ParallelsBuilder.usual().build()) { image in
            image.bytes.put(UInt32(1) << 30, at: 32)
            image.bytes.put(UInt64(1) << 32, at: 36)
            return .refused("the whole file has")
        },
    ]
}
