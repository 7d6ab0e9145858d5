// The case table of docs/FORMATS.md for VHDX: the entries of the block allocation table.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

extension VHDXCases {
    /// An entry of a block is changed, and damages that block.
    private static func entry(
        _ row: String, ofBlock block: Int = 2, to change: @escaping @Sendable (UInt64) -> UInt64
    ) -> DiskCase {
        DiskCase(row, usual) { disk in
            let offset = VHDXBuilder.usual.entryOffset(ofBlock: block)
            disk.bytes.put(change(disk.bytes.littleEndian(UInt64.self, at: offset)), at: offset)
            return .damaged([disk.guestRange(ofBlock: block)])
        }
    }

    static let entries: [DiskCase] =
        [
            entry("state 4") { $0 & ~7 | 4 },
            entry("state 5") { $0 & ~7 | 5 },
            entry("state 7 in a dynamic disk") { $0 | 7 },
            entry("state 6 without a place") { _ in 6 },
            entry("a place past the end") { _ in UInt64.max << 20 | 6 },
            entry("a place in the log") { _ in 1 << 20 | 6 },
            entry("a place in the metadata") { _ in 2 << 20 | 6 },
            entry("a place in the table") { _ in 3 << 20 | 6 },
            DiskCase("two entries name one block", usual) { disk in
                let first = disk.bytes.littleEndian(UInt64.self, at: disk.table)
                disk.bytes.put(first, at: VHDXBuilder.usual.entryOffset(ofBlock: 3))
                return .damaged([disk.guestRange(ofBlock: 0), disk.guestRange(ofBlock: 3)])
            },
            DiskCase(
                "two entries name blocks of 2 MiB that overlap by one",
                VHDXBuilder([.whole, .absent, .whole]).with { $0.blockByteCount = 2 << 20 }.build()
            ) { disk in
                disk.bytes.put(UInt64(disk.offset(ofBlock: 0) + (1 << 20)) | 6, at: disk.table + 16)
                return .damaged([disk.guestRange(ofBlock: 0), disk.guestRange(ofBlock: 2)])
            },
            DiskCase("the file cut inside a block", usual) { disk in
                disk.bytes.removeLast(5_000)
                let end = disk.guestRange(ofBlock: 2).upperBound
                return .damaged([(end - 5_000)..<end])
            },
        ]
        + [3, 10, 19].map { bit in
            entry("the reserved bit \(bit)") { $0 | 1 << UInt64(bit) }
        }
        + [0, 1, 3].map { block in
            entry("the reserved bit 5 in a block of state \(VHDXBuilder.usual.blocks[block])", ofBlock: block)
            {
                $0 | 1 << 5
            }
        }
        + [1, 2, 3].map { state in
            DiskCase("state \(state) with a place somewhere", usual) { disk in
                disk.bytes.put(
                    UInt64.max << 20 | UInt64(state), at: VHDXBuilder.usual.entryOffset(ofBlock: 1))
                return .read
            }
        } + [
            DiskCase("state 0 with a place somewhere", usual) { disk in
                disk.bytes.put(UInt64.max << 20, at: VHDXBuilder.usual.entryOffset(ofBlock: 1))
                return .read
            },
            garbage,
        ]

    private static let garbage = DiskCase("garbage in the entry of a bitmap of a dynamic disk", usual) {
        disk in
        // Where the first bitmap's would be, which programs have filled with anything.
        disk.bytes.put(UInt64.max, at: VHDXBuilder.usual.entryOffset(ofBitmap: 0))
        return .read
    }

    private static func bitmap(_ row: String, entry: UInt64) -> DiskCase {
        DiskCase(row, child) { disk in
            disk.bytes.put(entry, at: VHDXBuilder.child.entryOffset(ofBitmap: 0))
            return .damaged([2, 3].map { disk.guestRange(ofBlock: $0) })
        }
    }

    static let bitmaps: [DiskCase] = [
        bitmap("state 7, and no bitmap", entry: 0),
        bitmap("state 7, and a bitmap that is not there", entry: UInt64(4 << 20)),
        bitmap("state 7, and a bitmap in another state", entry: UInt64(4 << 20) | 7),
        bitmap("state 7, and a bitmap nowhere", entry: 6),
        bitmap("state 7, and a bitmap with reserved bits", entry: UInt64(4 << 20) | 6 | 1 << 12),
        bitmap("state 7, and a bitmap past the end", entry: UInt64.max << 20 | 6),
        bitmap("state 7, and a bitmap right behind the end", entry: UInt64(8 << 20) | 6),
        bitmap("state 7, and a bitmap in the log", entry: UInt64(1 << 20) | 6),
        bitmap("state 7, and a bitmap in the metadata", entry: UInt64(2 << 20) | 6),
        bitmap("state 7, and a bitmap in the table", entry: UInt64(3 << 20) | 6),
        DiskCase("state 7, and a bitmap on a block", child) { disk in
            disk.bytes.put(
                UInt64(disk.offset(ofBlock: 0)) | 6, at: VHDXBuilder.child.entryOffset(ofBitmap: 0))
            return .damaged([0, 2, 3].map { disk.guestRange(ofBlock: $0) })
        },
        DiskCase("no state 7: a bitmap that is garbage is not looked at", child) { disk in
            for block in [2, 3] {
                disk.bytes.put(UInt64(0), at: VHDXBuilder.child.entryOffset(ofBlock: block))
            }
            for block in [2, 3] { disk.guest.put([UInt8](repeating: 0, count: 1 << 20), at: block << 20) }
            disk.bytes.put(UInt64.max, at: VHDXBuilder.child.entryOffset(ofBitmap: 0))
            return .read
        },
        DiskCase("state 7 without a place", child) { disk in
            disk.bytes.put(UInt64(7), at: VHDXBuilder.child.entryOffset(ofBlock: 2))
            return .damaged([disk.guestRange(ofBlock: 2)])
        },
    ]
}
