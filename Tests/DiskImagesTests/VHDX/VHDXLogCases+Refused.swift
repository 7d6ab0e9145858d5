// The case table of docs/FORMATS.md for the log of a VHDX: what cannot be replayed.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

extension VHDXLogCases {
    static let refused: [DiskCase] = [
        refusal("no entry at all", "no entries in order") { _, _ in },
        refusal("only a torn entry", "no entries in order") { disk, log in
            log.append([wrong(disk.table)]) { $0[4_096 + 4_092] ^= 1 }
        },
        DiskCase(
            "only an entry with a wrong checksum", disk { disk, log in log.append([wrong(disk.table)]) }
        ) { disk in
            disk.bytes[VHDXBuilder.logOffset + 5_000] ^= 1
            return .refused("no entries in order")
        },
        refusal("only entries of another log", "no entries in order") { disk, log in
            log.append([wrong(disk.table)]) { $0[32] ^= 1 }
        },
        refusal("only a sequence whose tail is not in it", "no entries in order") { disk, log in
            log.append([wrong(disk.table)], tail: 8_192)
        },
        refusal("the file has become shorter", "the file had") { disk, log in
            log.flushedFileByteCount = UInt64(disk.bytes.count + 1)
            log.append([])
        },
        refusal("version 1 of the log", "version 0 is read") { disk, log in
            log.append([])
            disk.editVHDXHeaders { $0.put(UInt16(1), at: 64) }
        },
        refusal("a log of no length", "no place for it") { disk, log in
            disk.editVHDXHeaders { $0.put(UInt32(0), at: 68) }
        },
        refusal("a log past the end", "no place for it") { disk, log in
            disk.editVHDXHeaders { $0.put(UInt64(64 << 20), at: 72) }
        },
        refusal("a log at the end of all bytes", "no place for it") { disk, log in
            disk.editVHDXHeaders { $0.put(UInt64.max << 20, at: 72) }
        },
        refusal("a log in the headers", "no place for it") { disk, log in
            disk.editVHDXHeaders { $0.put(UInt64(0), at: 72) }
        },
        refusal("a log that is not aligned", "no place for it") { disk, log in
            disk.editVHDXHeaders { $0.put(UInt64((1 << 20) + 4_096), at: 72) }
        },
        refusal("a log of 4 GiB", "no place for it") { disk, log in
            disk.editVHDXHeaders { $0.put(UInt32.max << 20, at: 68) }
        },
    ]

    private static func refusal(
        _ row: String, _ reason: String,
        _ write: @escaping @Sendable (inout BuiltDisk, inout VHDXLogWriter) -> Void
    ) -> DiskCase {
        DiskCase(row, disk(write), .refused(reason))
    }
}
