// The case table of docs/FORMATS.md for the log of a VHDX.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

enum VHDXLogCases {
    typealias Change = VHDXLogWriter.Change

    /// Pages of each kind: metadata and its items, the table of blocks, and the guest's bytes.
    static func pages(of disk: BuiltDisk) -> [Int] {
        [
            VHDXBuilder.metadataOffset, VHDXBuilder.itemsOffset, VHDXBuilder.tableOffset,
            disk.offset(ofBlock: 0),
            disk.offset(ofBlock: 2) + 8_192, disk.bytes.count - 4_096,
        ]
    }

    /// A disk whose log says so and so; the guest's bytes are those of the disk before.
    static func disk(_ write: (inout BuiltDisk, inout VHDXLogWriter) -> Void) -> BuiltDisk {
        var disk = VHDXCases.usual
        var log = VHDXLogWriter()
        log.flushedFileByteCount = UInt64(disk.bytes.count)
        log.lastFileByteCount = UInt64(disk.bytes.count)
        write(&disk, &log)
        disk.setLog(log)
        return disk
    }

    private static func row(
        _ row: String, _ write: @escaping @Sendable (inout BuiltDisk, inout VHDXLogWriter) -> Void
    ) -> DiskCase {
        DiskCase(row, disk(write), .read, warning: "its log is replayed in memory")
    }

    /// What a page becomes when something is replayed that must not be.
    static func wrong(_ offset: Int) -> Change {
        .page(at: UInt64(offset), [UInt8](repeating: 0xdd, count: 4_096))
    }

    static let replayed: [DiskCase] =
        [
            row("one entry") { disk, log in log.append(disk.takePages(pages(of: disk))) },
            row("an entry for each page") { disk, log in
                for page in pages(of: disk) { log.append(disk.takePages([page]), tail: 0) }
            },
            row("the later of two writes to a page counts, in one entry too") { disk, log in
                let page = pages(of: disk)[2]
                let right = disk.takePages([page])
                log.append([wrong(page)] + right + [.zeros(at: UInt64(page), 0)])
                log.append([wrong(page + 4_096)], tail: 0)
                log.append([.zeros(at: UInt64(page + 4_096), 4_096)], tail: 0)
            },
            row("zeros over pages, and pages over zeros") { disk, log in
                let start = disk.offset(ofBlock: 2)
                let later = disk.takePages([start + 16_384])
                disk.guest.put([UInt8](repeating: 0, count: 65_536), at: 2 << 20)
                if case .page(_, let page) = later[0] { disk.guest.put(page, at: 2 << 20 + 16_384) }
                log.append([wrong(start + 4_096), .zeros(at: UInt64(start), 65_536)] + later)
            },
            row("zeros of 2^62 bytes behind everything") { disk, log in
                log.append([.zeros(at: UInt64(disk.bytes.count), 1 << 62)])
            },
            row("zeros of nearly all bytes there are, and then everything again") { disk, log in
                let pages = pages(of: disk)
                let right = disk.takePages(pages)
                let end = UInt64(disk.bytes.count)
                log.append([.zeros(at: 0, 1 << 63), .zeros(at: 4_096, UInt64.max - 8_191)])
                let whole = stride(from: 192 << 10, to: Int(end), by: 4_096).filter { !pages.contains($0) }
                    .filter {
                        disk.bytes[$0..<($0 + 4_096)].contains { $0 != 0 }
                    }
                // What lies in the log is read there.
                let few = whole.filter { $0 < 320 << 10 || $0 >= VHDXBuilder.metadataOffset && $0 < 4 << 20 }
                let page = { (at: Int) in Change.page(at: UInt64(at), Array(disk.bytes[at..<at + 4_096])) }
                log.append(few.map(page) + right, tail: 0)
                for block in 0..<4 {
                    disk.guest.put([UInt8](repeating: 0, count: 1 << 20), at: block << 20)
                }
                for case .page(let at, let bytes) in right {
                    guard
                        let block = disk.blocks.first(where: {
                            ($0.value..<$0.value + 1 << 20).contains(Int(at))
                        })
                    else { continue }
                    disk.guest.put(bytes, at: block.key << 20 + Int(at) - block.value)
                }
            },
            row("descriptors in several sectors") { disk, log in
                let start = disk.offset(ofBlock: 0)
                log.append(disk.takePages((0..<200).map { start + $0 * 4_096 }))
            },
            row("126 descriptors, which just fit one sector") { disk, log in
                let start = disk.offset(ofBlock: 0)
                log.append(disk.takePages((0..<126).map { start + $0 * 4_096 }))
            },
            row("entries go around the end of the ring") { disk, log in
                log.position = VHDXBuilder.logByteCount - 2 * 8_192
                var tail: Int?
                for page in pages(of: disk) {
                    let start = log.append(disk.takePages([page]), tail: tail)
                    tail = tail ?? start
                }
            },
            row("one entry goes around the end of the ring") { disk, log in
                log.position = VHDXBuilder.logByteCount - 3 * 4_096
                log.append(disk.takePages(pages(of: disk)))
            },
            row("descriptors go around the end of the ring") { disk, log in
                log.position = VHDXBuilder.logByteCount - 4_096
                let start = disk.offset(ofBlock: 0)
                log.append(disk.takePages((0..<180).map { start + $0 * 4_096 }))
            },
            row("the ring is full") { disk, log in
                let start = disk.offset(ofBlock: 0)
                // 2 sectors of descriptors, 254 of data.
                log.append(disk.takePages((0..<250).map { start + $0 * 4_096 }), extraSectorCount: 4)
            },
            row("replay starts at the tail of the newest entry") { disk, log in
                log.append([wrong(disk.table)])
                log.append([wrong(disk.table)], tail: 0)
                let tail = log.position
                let pages = disk.takePages(pages(of: disk).filter { $0 != disk.table })
                log.append(Array(pages.prefix(2)), tail: 0)
                log.append(Array(pages.dropFirst(2)), tail: tail)
            },
            row("a gap in the numbers ends a sequence") { disk, log in
                log.append([wrong(disk.table)])
                log.sequenceNumber += 1
                log.append(disk.takePages(pages(of: disk).filter { $0 != disk.table }))
            },
            row("an older sequence is ignored, wherever it is") { disk, log in
                log.position = 65_536
                log.sequenceNumber = 100
                log.append(disk.takePages(pages(of: disk).filter { $0 != disk.table }))
                log.position = 0
                log.sequenceNumber = 50
                log.append([wrong(disk.table)])
                log.position = 262_144
                log.append([wrong(disk.table)])
            },
            row("entries of another log are ignored") { disk, log in
                log.append(disk.takePages(pages(of: disk).filter { $0 != disk.table }))
                let identifier = log.identifier
                log.identifier = [UInt8](repeating: 0x66, count: 16)
                log.append([wrong(disk.table)], tail: 0)
                log.identifier = identifier
            },
            row("a torn newest entry is not replayed") { disk, log in
                log.append(disk.takePages(pages(of: disk).filter { $0 != disk.table }))
                log.append([wrong(disk.table)], tail: 0) { $0[4_096 + 4_092] ^= 1 }
            },
            row("a sequence whose tail is not in it is ignored") { disk, log in
                log.append(disk.takePages(pages(of: disk).filter { $0 != disk.table }))
                log.position += 4_096
                log.sequenceNumber = 200
                log.append([wrong(disk.table)], tail: 524_288)
            },
            row("an entry with sectors that are no part of anything") { disk, log in
                log.append(disk.takePages(pages(of: disk)), extraSectorCount: 3)
            },
            row("an entry without descriptors") { _, log in log.append([]) },
            row("a page for where no file is") { disk, log in
                log.append([.page(at: 1 << 62, [UInt8](repeating: 1, count: 4_096))])
            },
            row("the file has become longer since") { disk, log in
                log.flushedFileByteCount = 1 << 20
                log.append(disk.takePages(pages(of: disk)))
            },
            row("the file is to be longer: a block there is zeros") { disk, log in
                let end = disk.bytes.count
                log.lastFileByteCount = UInt64(end + (1 << 20))
                disk.bytes.put(UInt64(end) | 6, at: VHDXBuilder.usual.entryOffset(ofBlock: 1))
                log.append([])
            },
            row("the file is to be longer, with a page of a block there") { disk, log in
                let end = disk.bytes.count
                log.lastFileByteCount = UInt64(end + (1 << 20))
                disk.bytes.put(UInt64(end) | 6, at: VHDXBuilder.usual.entryOffset(ofBlock: 1))
                let page = [UInt8]((0..<4_096).map { UInt8(truncatingIfNeeded: $0) })
                log.append([.page(at: UInt64(end + 8_192), page)])
                disk.guest.put(page, at: (1 << 20) + 8_192)
            },
        ]
        + (0..<4).map { field in
            row("an entry whose header is wrong in byte \([0, 8, 12, 16][field]) is none") { disk, log in
                log.append(disk.takePages(pages(of: disk).filter { $0 != disk.table }))
                log.append([wrong(disk.table)], tail: 0) { entry in
                    switch field {
                    case 0: entry[0] = 0
                    case 1: entry.put(UInt32(4_096), at: 8)
                    case 2: entry.put(UInt32(4_095), at: 12)
                    default: entry.put(UInt64(0), at: 16)
                    }
                }
            }
        }
        + [0, 16, 24, 4_096, 4_100].map { offset in
            row("an entry with a descriptor or data that is wrong at \(offset) is none") { disk, log in
                log.append(disk.takePages(pages(of: disk).filter { $0 != disk.table }))
                // With a right checksum all the same.
                log.append([wrong(disk.table)], tail: 0) { $0[offset < 4_096 ? 64 + offset : offset] ^= 1 }
            }
        }
}
