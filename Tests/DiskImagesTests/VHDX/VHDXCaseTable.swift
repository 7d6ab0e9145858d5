// The case table of docs/FORMATS.md for VHDX, row by row: headers, regions, metadata.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

extension VHDXBuilder {
    /// Blocks of 1 MiB.
    static let usual = VHDXBuilder([.whole, .absent, .whole, .zero])

    /// A differencing disk with blocks that are there in part.
    static let child = VHDXBuilder([.whole, .absent, .part, .part]).with {
        $0.parent = [
            ("parent_linkage", "{04030201-0605-0807-090A-0B0C0D0E0F10}"), ("relative_path", ".\\parent.vhdx"),
        ]
    }
}

enum VHDXCases {
    static let table = wellFormed + headers + regions + metadata + entries + bitmaps

    static let usual = VHDXBuilder.usual.build()
    static let child = VHDXBuilder.child.build()

    private static let wellFormed: [DiskCase] = [
        DiskCase("dynamic", usual),
        DiskCase("fixed", VHDXBuilder([.whole, .whole, .whole]).with { $0.isFixed = true }.build()),
        DiskCase("differencing", child),
        DiskCase("blocks in no order", VHDXBuilder.usual.with { $0.order = [3, 2, 1, 0] }.build()),
        DiskCase("undefined and unmapped blocks", VHDXBuilder([.undefined, .unmapped, .whole]).build()),
        DiskCase("sectors of 4,096 bytes", VHDXBuilder.usual.with { $0.sectorByteCount = 4_096 }.build()),
        DiskCase(
            "differencing with sectors of 4,096 bytes",
            VHDXBuilder.child.with {
                $0.sectorByteCount = 4_096
                $0.parent?[1].value = "parent4096.vhdx"
            }.build()),
        DiskCase(
            "differencing with other sectors than the parent's",
            VHDXBuilder.child.with { $0.sectorByteCount = 4_096 }.build(),
            .refused("has sectors of 4096 bytes, and its parent parent.vhdx of 512")),
        DiskCase("a parent locator in a disk without a parent", child) { disk in
            disk.bytes[VHDXBuilder.itemsOffset + 4] &= ~2
            return .refused("the disk is said to have no parent, and there is a parent locator")
        },
        DiskCase(
            "blocks of 2 MiB, and a disk that ends inside one",
            VHDXBuilder([.whole, .absent, .whole]).with {
                $0.blockByteCount = 2 << 20
                $0.virtualByteCount = (5 << 20) + 512
            }.build()),
        DiskCase("an empty disk", VHDXBuilder([.absent, .absent]).build()),
        DiskCase("a disk of 0 bytes", VHDXBuilder([.absent]).with { $0.virtualByteCount = 0 }.build()),
        DiskCase("what lies behind the guest's end is missing", cutBehindEnd),
        DiskCase("a log that is garbage, and an identifier of it that is 0", usual) { disk in
            disk.bytes.put([UInt8](repeating: 0x6c, count: 8_192), at: VHDXBuilder.logOffset)
            return .read
        },
    ]

    private static let cutBehindEnd: BuiltDisk = {
        var disk = VHDXBuilder([.whole, .whole]).with { $0.virtualByteCount = (1 << 20) + 4_096 }.build()
        disk.bytes.removeLast((1 << 20) - 4_096)
        return disk
    }()

    private static let headers: [DiskCase] = [
        DiskCase("the newer header is damaged", usual, warning: "one of the two headers") { disk in
            disk.bytes[(128 << 10) + 100] ^= 1
            return .read
        },
        DiskCase("the older header is damaged", usual, warning: "one of the two headers") { disk in
            disk.bytes[(64 << 10) + 100] ^= 1
            return .read
        },
        DiskCase("both headers are damaged", usual) { disk in
            disk.bytes[(64 << 10) + 100] ^= 1
            disk.bytes[(128 << 10) + 100] ^= 1
            return .refused("its checksum is wrong")
        },
        DiskCase("the older header says that there is a log", usual) { disk in
            disk.editVHDX(4_096, at: 64 << 10) { $0[48] = 1 }
            return .read
        },
        DiskCase("two headers of one number, identical", usual) { disk in
            disk.bytes.put(disk.bytes[(64 << 10)..<(68 << 10)], at: 128 << 10)
            return .read
        },
        DiskCase("two headers of one number, different", usual) { disk in
            disk.editVHDX(4_096, at: 128 << 10) {
                $0.put(UInt64(7), at: 8)
                $0[20] ^= 1
            }
            return .refused("says something else")
        },
        DiskCase("version 2 in both headers", usual) { disk in
            disk.editVHDXHeaders { $0.put(UInt16(2), at: 66) }
            return .refused("version 1 is read")
        },
        DiskCase("version 0 in the newer header", usual, warning: "one of the two headers") { disk in
            disk.editVHDX(4_096, at: 128 << 10) { $0.put(UInt16(0), at: 66) }
            return .read
        },
        DiskCase("nothing but the magic", usual) { disk in
            disk.bytes.removeLast(disk.bytes.count - 8)
            return .refused("ends at byte 8")
        },
    ]

    private static let regions: [DiskCase] = [
        DiskCase("the first region table is damaged", usual, warning: "the second region table") { disk in
            disk.bytes[(192 << 10) + 100] ^= 1
            return .read
        },
        DiskCase("the second region table is damaged", usual) { disk in
            disk.bytes[(256 << 10) + 100] ^= 1
            return .read
        },
        DiskCase("both region tables are damaged", usual) { disk in
            disk.bytes[(192 << 10) + 100] ^= 1
            disk.bytes[(256 << 10) + 100] ^= 1
            return .refused("its checksum is wrong")
        },
        DiskCase("an unknown region that is required", usual) { disk in
            disk.editVHDXRegions {
                $0.put(UInt32(3), at: 8)
                $0.put([UInt8](repeating: 5, count: 16), at: 80)
                $0.put(UInt32(1), at: 108)
            }
            return .refused("a required region that is not known")
        },
        DiskCase("an unknown region that is not required, in an impossible place", usual) { disk in
            disk.editVHDXRegions {
                $0.put(UInt32(3), at: 8)
                $0.put([UInt8](repeating: 5, count: 16), at: 80)
                $0.put(UInt64.max, at: 96)
                $0.put(UInt32.max, at: 104)
            }
            return .read
        },
        region("a region that is not aligned", "both are to be whole MiB") {
            $0.put(UInt64((3 << 20) + 4_096), at: 32)
        },
        region("a region whose length is not whole MiB", "both are to be whole MiB") {
            $0.put(UInt32(4_096), at: 40)
        },
        region("a region of no length", "both are to be whole MiB") { $0.put(UInt32(0), at: 40) },
        region("a region in the first MiB", "inside the headers") { $0.put(UInt64(0), at: 32) },
        region("a region past the end", "the file ends at byte") { $0.put(UInt64(1) << 40, at: 32) },
        region("a region that reaches past the end", "the file ends at byte") {
            $0.put(UInt32(64 << 20), at: 40)
        },
        region("a region at the end of all bytes", "the file ends at byte") {
            $0.put(UInt64.max << 20, at: 32)
        },
        region("regions that overlap", "overlap") { $0.put(UInt64(2 << 20), at: 32) },
        region("a region on the log", "overlap") { $0.put(UInt64(1 << 20), at: 32) },
        region("a region twice", "a second block allocation table") { $0.put($0[16..<48], at: 48) },
        region("no metadata", "no metadata region") { $0.put(UInt32(1), at: 8) },
        region("no table", "no block allocation table") {
            $0.put($0[48..<80], at: 16)
            $0.put(UInt32(1), at: 8)
        },
        region("2,048 regions", "more than 2047") { $0.put(UInt32(2_048), at: 8) },
        region("4 Gi regions", "more than 2047") { $0.put(UInt32.max, at: 8) },
    ]

    private static func region(
        _ row: String, _ reason: String, _ edit: @escaping @Sendable (inout [UInt8]) -> Void
    ) -> DiskCase {
        DiskCase(row, usual) { disk in
            disk.editVHDXRegions(edit)
            return .refused(reason)
        }
    }

    private static let metadata: [DiskCase] =
        [
            item("no metadata signature", "no metadata") { $0[VHDXBuilder.metadataOffset] = 0 },
            item("2,048 items", "more than 2047") {
                $0.put(UInt16(2_048), at: VHDXBuilder.metadataOffset + 10)
            },
            item("an unknown item that is required", "a required item that is not known") {
                $0.put(UInt16(6), at: VHDXBuilder.metadataOffset + 10)
                $0.put(UInt32(4), at: VHDXBuilder.metadataOffset + 32 + 5 * 32 + 24)
            },
            item("an item of the user that is required", "a required item that is not known") {
                $0.put(UInt32(5), at: VHDXBuilder.metadataOffset + 32 + 24)
            },
            DiskCase("an unknown item that is not required, in an impossible place", usual) { disk in
                disk.bytes.put(UInt16(6), at: VHDXBuilder.metadataOffset + 10)
                disk.bytes.put(UInt64.max, at: VHDXBuilder.metadataOffset + 32 + 5 * 32 + 16)
                return .read
            },
            item("an item in the table", "is not inside it, or in the table") {
                $0.put(UInt32(32), at: VHDXBuilder.metadataOffset + 48)
            },
            item("an item past its region", "is not inside it, or in the table") {
                $0.put(UInt32(1 << 20) - 4, at: VHDXBuilder.metadataOffset + 48)
            },
            item("an item of the greatest length", "is not inside it, or in the table") {
                $0.put(UInt32.max, at: VHDXBuilder.metadataOffset + 52)
            },
            item("an item too short", "fewer than 8") {
                $0.put(UInt32(7), at: VHDXBuilder.metadataOffset + 52)
            },
            item("an item twice", "is there twice") {
                $0.put(
                    $0[(VHDXBuilder.metadataOffset + 32)..<(VHDXBuilder.metadataOffset + 64)],
                    at: VHDXBuilder.metadataOffset + 32 + 3 * 32)
            },
            item("no size of the disk", "there is no item virtualDiskSize") {
                $0.put([UInt8](repeating: 0, count: 32), at: VHDXBuilder.metadataOffset + 64)
            },
            item("a size that is not whole sectors", "ends inside a sector") {
                $0.put(UInt64(4 << 20) - 1, at: VHDXBuilder.itemsOffset + 8)
            },
            item("a size over 64 TiB", "over 64 TiB") {
                $0.put(UInt64(64 << 40) + 512, at: VHDXBuilder.itemsOffset + 8)
            },
            item("the largest size", "over 64 TiB") {
                $0.put(UInt64.max - 511, at: VHDXBuilder.itemsOffset + 8)
            },
            item("a size that the table cannot hold", "the disk needs 131105 entries") {
                // A table of 1 MiB has 2^17 entries, 32 of them of bitmaps here.
                $0.put(UInt64(131_073) << 20, at: VHDXBuilder.itemsOffset + 8)
            },
            item("a parent, and nothing about it", "there is no item parentLocator") {
                $0.put(UInt32(2), at: VHDXBuilder.itemsOffset + 4)
            },
        ]
        + [UInt32(0), 1 << 19, 1 << 20 + 1, 3 << 20, 512 << 20, .max].map { byteCount in
            item("a block size of \(byteCount)", "not a power of two from 1 to 256 MiB") {
                $0.put(byteCount, at: VHDXBuilder.itemsOffset)
            }
        }
        + [UInt32(0), 1, 1_024, 4_095, 8_192, .max].map { byteCount in
            item("a sector size of \(byteCount)", "neither 512 nor 4096") {
                $0.put(byteCount, at: VHDXBuilder.itemsOffset + 16)
            }
        }

    private static func item(
        _ row: String, _ reason: String, _ edit: @escaping @Sendable (inout [UInt8]) -> Void
    ) -> DiskCase {
        DiskCase(row, usual) { disk in
            edit(&disk.bytes)
            return .refused(reason)
        }
    }
}
