// The rows of COWD and seSparse in docs/FORMATS.md.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

extension COWDBuilder {
    /// Two tables of grains of one sector, changed by `change`.
    static func usual(_ change: (inout COWDBuilder) -> Void = { _ in }) -> COWDBuilder {
        COWDBuilder(twoTables).with(change)
    }

    /// More than one table of 4,096 entries, in whose middle nothing is.
    static let twoTables =
        GrainContent.mixed(40) + Array(repeating: .absent, count: 4_096 - 40) + GrainContent.mixed(20)
}

extension SESparseBuilder {
    /// One table of grains of 4 KiB, changed by `change`.
    static func usual(_ change: (inout SESparseBuilder) -> Void = { _ in }) -> SESparseBuilder {
        SESparseBuilder(GrainContent.mixed(40)).with(change)
    }
}

extension BuiltImage {
    /// Where the entry of grain `index` is in a seSparse extent.
    fileprivate func wideEntryOffset(_ index: Int) -> Int {
        (places.tables[index / entriesPerTable] ?? 0) + index % entriesPerTable * 8
    }

    fileprivate mutating func setWideEntry(_ index: Int, to entry: UInt64) {
        bytes.put(entry, at: wideEntryOffset(index))
    }
}

extension ImageCase {
    static let cowd =
        (cowdGrains + cowdHeaders).map(\.asPart)
        + [
            ImageCase(
                "COWD, opened by itself", COWDBuilder.usual().build(),
                .refused("a part of an ESX disk (COWD)"))
        ]
    static let seSparse =
        (seSparseGrains + seSparseEnds + seSparseHeaders).map(\.asPart)
        + [
            ImageCase(
                "seSparse, opened by itself", SESparseBuilder.usual().build(),
                .refused("a part of an ESX disk (seSparse)"))
        ]

    private static let cowdGrains = [
        ImageCase("COWD", COWDBuilder.usual().build()),
        ImageCase(
            "COWD, grains of 4 KiB",
            COWDBuilder(GrainContent.mixed(30)).with { $0.sectorsPerGrain = 8 }.build()),
        ImageCase(
            "COWD, grains in no order",
            COWDBuilder(GrainContent.mixed(30)).with { $0.order = Array((0..<30).reversed()) }.build()),
        ImageCase("COWD, nothing written", COWDBuilder(Array(repeating: .absent, count: 5_000)).build()),
        ImageCase(
            "COWD, unclean", COWDBuilder(GrainContent.mixed(30)).with { $0.isUnclean = true }.build(),
            warning: "unclean shutdown"),
        ImageCase("COWD, a grain past the end", COWDBuilder.usual().build()) { image in
            image.setEntry(ofGrain: 6, to: 0x7fff_ffff)
            return .damaged([image.guestRange(ofGrain: 6)])
        },
        ImageCase("COWD, a grain on the header", COWDBuilder.usual().build()) { image in
            image.setEntry(ofGrain: 6, to: 2)
            return .damaged([image.guestRange(ofGrain: 6)])
        },
        ImageCase("COWD, a grain on the directory", COWDBuilder.usual().build()) { image in
            image.setEntry(ofGrain: 6, to: UInt32(image.places.directory / 512))
            return .damaged([image.guestRange(ofGrain: 6)])
        },
        ImageCase("COWD, a grain on a table", COWDBuilder.usual().build()) { image in
            image.setEntry(ofGrain: 6, to: UInt32((image.places.tables[1] ?? 0) / 512 + 3))
            return .damaged([image.guestRange(ofGrain: 6)])
        },
        ImageCase("COWD, two entries that name one grain", COWDBuilder.usual().build()) { image in
            image.setEntry(ofGrain: 6, to: image.entry(ofGrain: 4_096))
            return .damaged([6, 4_096].map { image.guestRange(ofGrain: $0) })
        },
        ImageCase("COWD, a table past the end", COWDBuilder.usual().build()) { image in
            image.setDirectoryEntry(1, to: 0x7fff_ffff)
            return .damaged([image.guestRange(ofTable: 1)])
        },
        ImageCase("COWD, two entries that name one table", COWDBuilder.usual().build()) { image in
            image.setDirectoryEntry(1, to: UInt32((image.places.tables[0] ?? 0) / 512))
            return .damaged([image.guestRange(ofTable: 0), image.guestRange(ofTable: 1)])
        },
        ImageCase(
            "COWD, a table on the header",
            COWDBuilder(Array(repeating: .absent, count: 4_096) + GrainContent.mixed(20)).build()
        ) { image in
            image.setDirectoryEntry(1, to: 1)
            return .damaged([image.guestRange(ofTable: 1)])
        },
        ImageCase("COWD, the file cut before a grain", COWDBuilder.usual().build()) { image in
            image.cut(inGrain: 4_113, at: 0)
            return .damaged([image.guestRange(ofGrain: 4_113)])
        },
    ]

    private static func cowdHeader(_ row: String, _ value: UInt32, at offset: Int, _ reason: String)
        -> ImageCase
    {
        ImageCase("COWD, \(row)", COWDBuilder.usual().build()) { image in
            image.bytes.put(value, at: offset)
            return .refused(reason)
        }
    }

    private static let cowdHeaders = [
        cowdHeader("version 2", 2, at: 4, "version 2"),
        cowdHeader("grains of 0 sectors", 0, at: 16, "grain size in sectors is 0"),
        cowdHeader("grains of 3 sectors", 3, at: 16, "grain size in sectors is 3"),
        cowdHeader("grains of 2 TiB", 1 << 31, at: 16, "grain size in sectors is 2147483648"),
        cowdHeader("capacity 0", 0, at: 12, "capacity is 0"),
        cowdHeader("a directory too short", 1, at: 24, "a directory of 1 entries"),
        cowdHeader("a directory past the end", 0x7fff_ffff, at: 20, "grain directory of disk"),
        cowdHeader("a directory at sector 0", 0, at: 20, "grain directory of disk"),
        cowdHeader("a directory inside of the header", 3, at: 20, "it lies on the header"),
        ImageCase("COWD, a directory larger than the file", COWDBuilder.usual().build()) { image in
            image.bytes.put(UInt32.max, at: 12)
            image.bytes.put(UInt32.max, at: 24)
            return .refused("the whole file has")
        },
        ImageCase("COWD, the header cut", COWDBuilder.usual().build()) { image in
            image.bytes.removeLast(image.bytes.count - 2_047)
            return .refused("COWD header of disk")
        },
    ]

    private static let seSparseGrains = [
        ImageCase("seSparse", SESparseBuilder.usual().build()),
        ImageCase(
            "seSparse, grains in no order",
            SESparseBuilder.usual { $0.order = Array((0..<40).reversed()) }.build()),
        ImageCase(
            "seSparse, grain numbers of more than 12 bits",
            SESparseBuilder.usual { $0.firstGrain = 4_090 }.build()),
        ImageCase(
            "seSparse, a capacity inside a grain",
            SESparseBuilder.usual {
                $0.grains[39] = .text
                $0.capacity = 40 * 8 - 3
            }.build()),
        ImageCase(
            "seSparse, nothing written", SESparseBuilder(Array(repeating: .absent, count: 5_000)).build()),
        ImageCase(
            "seSparse, two tables of which one is absent",
            SESparseBuilder(Array(repeating: .absent, count: 4_096) + GrainContent.mixed(20)).build()),
        ImageCase("seSparse, an absent entry with bits set", SESparseBuilder.usual().build()) { image in
            image.setWideEntry(6, to: 1)
            return .damaged([image.guestRange(ofGrain: 6)])
        },
        ImageCase("seSparse, an entry of an unknown kind", SESparseBuilder.usual().build()) { image in
            image.setWideEntry(6, to: 4 << 60)
            image.setWideEntry(7, to: .max)
            return .damaged([6, 7].map { image.guestRange(ofGrain: $0) })
        },
        ImageCase(
            "seSparse, entries of zeros with bits set", SESparseBuilder([.zeros, .zeros, .text]).build()
        ) {
            image in
            image.setWideEntry(0, to: 1 << 60 | 0xabcdef)
            image.setWideEntry(1, to: 2 << 60 | 0xabcdef)
            return .read
        },
        ImageCase("seSparse, a grain past the end", SESparseBuilder.usual().build()) { image in
            image.setWideEntry(6, to: 0x3fff_ffff_ffff_ffff)
            image.setWideEntry(7, to: SESparseBuilder.entry(ofGrain: 1_000))
            return .damaged([6, 7].map { image.guestRange(ofGrain: $0) })
        },
        ImageCase("seSparse, a directory entry of an unknown kind", SESparseBuilder.usual().build()) {
            image in
            image.bytes.put(UInt64(0x2000_0000_0000_0001), at: image.places.directory)
            return .damaged([image.guestRange(ofTable: 0)])
        },
        ImageCase("seSparse, a table past the end", SESparseBuilder.usual().build()) { image in
            image.bytes.put(UInt64(0x1000_0000_7fff_ffff), at: image.places.directory)
            return .damaged([image.guestRange(ofTable: 0)])
        },
        ImageCase("seSparse, the largest table number", SESparseBuilder.usual().build()) { image in
            image.bytes.put(UInt64(0x1fff_ffff_ffff_ffff), at: image.places.directory)
            return .damaged([image.guestRange(ofTable: 0)])
        },
        ImageCase("seSparse, a table on the grains", SESparseBuilder.usual().build()) { image in
            image.bytes.put(UInt64(0x1000_0000_0000_0002), at: image.places.directory)
            return .damaged([image.guestRange(ofTable: 0)])
        },
        ImageCase(
            "seSparse, two entries that name one table",
            SESparseBuilder(COWDBuilder.twoTables).build()
        ) { image in
            let first = image.bytes.littleEndian(UInt64.self, at: image.places.directory)
            image.bytes.put(first, at: image.places.directory + 8)
            return .damaged([image.guestRange(ofTable: 0), image.guestRange(ofTable: 1)])
        },
        ImageCase("seSparse, grains on the tables", SESparseBuilder.usual().build()) { image in
            // So that the first grains are where the table is.
            image.bytes.put(UInt64((image.places.tables[0] ?? 0) / 512), at: 192)
            return .damaged([image.guestRange(ofTable: 0)])
        },
    ]

    private static let seSparseEnds = [
        ImageCase("seSparse, the file cut inside a grain", SESparseBuilder.usual().build()) { image in
            image.cut(inGrain: 37, at: 1_000)
            return .damaged([image.rest(ofGrain: 37, behind: 1_000)])
        },
        ImageCase(
            "seSparse, the file cut inside a table",
            SESparseBuilder(Array(repeating: .zeros, count: 300)).build()
        ) { image in
            image.bytes.removeLast(image.bytes.count - image.wideEntryOffset(200) - 5)
            return .damaged([(200 * 4_096)..<(300 * 4_096)])
        },
        ImageCase("seSparse, the directory past the end", SESparseBuilder.usual().build()) { image in
            image.bytes.removeLast(image.bytes.count - image.places.directory)
            return .refused("grain directory of disk")
        },
        ImageCase("seSparse, the header cut", SESparseBuilder.usual().build()) { image in
            image.bytes.removeLast(image.bytes.count - 511)
            return .refused("seSparse header of disk")
        },
    ]

    private static func seSparseHeader(
        _ row: String, _ value: UInt64, at offset: Int, _ reason: String
    ) -> ImageCase {
        ImageCase("seSparse, \(row)", SESparseBuilder.usual().build()) { image in
            image.bytes.put(value, at: offset)
            return .refused(reason)
        }
    }

    private static let seSparseHeaders = [
        seSparseHeader("another version", 0x3_0000_0001, at: 8, "version 0x300000001"),
        seSparseHeader("capacity 0", 0, at: 16, "capacity is 0"),
        seSparseHeader("a capacity of 2^63 bytes", 1 << 54, at: 16, "capacity is"),
        seSparseHeader("a capacity that needs a larger directory", 1 << 40, at: 16, "cannot lead to"),
        seSparseHeader("grains of 0 sectors", 0, at: 24, "grain size 0x0"),
        seSparseHeader("grains of 16 sectors", 16, at: 24, "grain size 0x10"),
        seSparseHeader("tables of 128 sectors", 128, at: 32, "grain table size 0x80"),
        seSparseHeader("a flag", 1, at: 40, "flags 0x1"),
        seSparseHeader("a journal to replay", 1, at: 512 + 24, "journal has to be replayed"),
        seSparseHeader("no volatile header", 0, at: 512, "volatile"),
        seSparseHeader("the volatile header past the end", 1 << 40, at: 80, "volatile"),
        seSparseHeader("a directory of 0 sectors", 0, at: 136, "a directory of 0 bytes"),
        seSparseHeader("a directory at a place that overflows", .max, at: 128, "more than a file can have"),
        seSparseHeader("a directory on the header", 0, at: 128, "it lies on the header"),
        seSparseHeader("a directory on the volatile header", 1, at: 128, "it lies on the volatile header"),
        seSparseHeader("tables at a place that overflows", 1 << 60, at: 144, "more than a file can have"),
        seSparseHeader("grains at a place that overflows", 1 << 60, at: 192, "more than a file can have"),
    ]
}
