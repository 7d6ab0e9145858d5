// The case table of docs/FORMATS.md for VHD: which field is the size.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

extension VHDCases {
    /// 10 blocks of 8 KiB have 160 sectors; the geometry 3 × 2 × 25 has 150.
    static let sizes: [DiskCase] =
        ["vpc ", "qemu"].map { size("the geometry with creator \($0)", creator: $0, (3, 2, 25), 150) }
        + ["win ", "vs  ", "d2v ", "qem2", "tap\0", "vbox", "wa\0\0", "CTXS", "xyz "].map {
            size("the current size with creator \($0)", creator: $0, (3, 2, 25), 160)
        }
        + [
            size("a geometry of 0", creator: "qemu", (0, 16, 63), 160),
            size("a geometry of 0 heads", creator: "vpc ", (3, 0, 25), 160),
            size("a geometry above the current size", creator: "qemu", (3, 2, 27), 160),
            size("the largest geometry", creator: "qemu", (65_535, 16, 255), 160),
            size("a geometry of the current size", creator: "vpc ", (4, 4, 10), 160),
        ]

    private static func size(
        _ row: String, creator: String, _ geometry: (UInt16, UInt8, UInt8), _ sectorCount: Int
    ) -> DiskCase {
        let disk = VHDBuilder.usual.with {
            $0.creator = creator
            $0.geometry = geometry
        }.build()
        return DiskCase(row, disk.with { $0.guest = Array($0.guest.prefix(sectorCount * 512)) })
    }
}
