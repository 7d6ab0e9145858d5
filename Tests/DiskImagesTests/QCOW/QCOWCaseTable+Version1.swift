// The rows of the qcow table: version 1.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

extension QCOWCase {
    static let version1: [QCOWCase] =
        [QCOWCase("version 1", .first)]
        + (9...16).flatMap { bits in
            [6, 9, 13].map { tableBits in
                QCOWCase(
                    "version 1: clusters of 2^\(bits) bytes, tables of 2^\(tableBits) entries",
                    QCOWBuilder([
                        .plain(.text), .absent, .compressed(.text), .plain(.noise), .compressed(.prose),
                    ]).with {
                        $0.version = 1
                        $0.clusterBits = bits
                        $0.tableBits = tableBits
                        $0.virtualByteCount = (5 << bits) - (bits > 9 ? 512 : 0)
                    })
            }
        }
        + ([0, 8, 17, 255] as [UInt8]).map { bits in
            QCOWCase("version 1: clusters of 2^\(bits) bytes", .first) { image in
                image.bytes[32] = bits
                return .refused("a cluster has 2^\(bits) bytes, not 2^9 to 2^16")
            }
        }
        + ([0, 5, 14, 255] as [UInt8]).map { bits in
            QCOWCase("version 1: tables of 2^\(bits) entries", .first) { image in
                image.bytes[33] = bits
                return .refused("a second-level table has 2^\(bits) entries, not 2^6 to 2^13")
            }
        }
        + ([UInt64.max, 1 << 63, UInt64.max - 511] as [UInt64]).map { size in
            QCOWCase("version 1: a size of \(size) bytes", .first) { image in
                image.setHeader(size, at: 24)
                return .refused("longer than a file can be")
            }
        }
        + [8, 47].map { byteCount in
            QCOWCase("version 1: the header ends after \(byteCount) bytes", .first) { image in
                image.cut(to: byteCount)
                return .refused("qcow header")
            }
        }
        + version1Maps

    private static let version1Maps: [QCOWCase] = [
        QCOWCase("version 1: encryption", .first) { image in
            image.setHeader(UInt32(1), at: 36)
            return .refused("is encrypted (method 1)")
        },
        QCOWCase("version 1: size 0", QCOWBuilder([]).with { $0.version = 1 }),
        QCOWCase("version 1: a size that needs a larger table than the file", .first) { image in
            image.setHeader(UInt64(1) << 40, at: 24)
            return .refused("needs a first-level table of 33554432 entries")
        },
        QCOWCase("version 1: a first-level table past the end", .first) { image in
            image.setHeader(UInt64(image.bytes.count), at: 40)
            return .refused("not behind the header and before the file's end")
        },
        QCOWCase("version 1: a first-level table in the header", .first) { image in
            image.setHeader(UInt64(40), at: 40)
            return .refused("not behind the header")
        },
        QCOWCase("version 1: the file ends inside of the first-level table", .first) { image in
            let old = image.places.firstLevel
            let start = image.bytes.count
            image.bytes += image.bytes[old..<(old + 20)]
            image.setHeader(UInt64(start), at: 40)
            return .damaged([image.guestRange(ofTable: 2)])
        },
        QCOWCase("version 1: a table past the end", .first) { image in
            image.setFirstLevelEntry(1, to: UInt64.max)
            return .damaged([image.guestRange(ofTable: 1)])
        },
        QCOWCase("version 1: a table in the header", .first) { image in
            image.setFirstLevelEntry(1, to: 8)
            return .damaged([image.guestRange(ofTable: 1)])
        },
        QCOWCase("version 1: two tables that overlap", .first) { image in
            image.setFirstLevelEntry(1, to: image.firstLevelEntry(0) + 8)
            return .damaged([image.guestRange(ofTable: 0), image.guestRange(ofTable: 1)])
        },
        QCOWCase("version 1: the file ends inside of a second-level table", .first) { image in
            let old = image.places.tables[2] ?? 0
            let start = image.bytes.count
            image.bytes += image.bytes[old..<(old + 76)]
            image.setFirstLevelEntry(2, to: UInt64(start))
            return .damaged([UInt64(137 * 512)..<UInt64(150 * 512)])
        },
        QCOWCase("version 1: a cluster past the end", .first) { image in
            image.setEntry(ofCluster: 70, to: 1 << 62)
            return .damaged([image.guestRange(ofCluster: 70)])
        },
        QCOWCase("version 1: a cluster in the first-level table", .first) { image in
            image.setEntry(ofCluster: 70, to: UInt64(image.places.firstLevel))
            return .damaged([image.guestRange(ofCluster: 70)])
        },
        QCOWCase("version 1: a cluster in the header", .first) { image in
            image.setEntry(ofCluster: 70, to: 1)
            return .damaged([image.guestRange(ofCluster: 70)])
        },
        QCOWCase("version 1: the file ends inside of a cluster", .first) { image in
            image.cut(to: image.clusterOffset(130) + 100)
            let cluster = image.guestRange(ofCluster: 130)
            return .damaged(
                [cluster.lowerBound + 100..<cluster.upperBound] + image.storedRanges(131..<150))
        },
        QCOWCase("version 1: compressed data of no length", .first) { image in
            image.setEntry(ofCluster: 75, to: 1 << 63 | UInt64(image.clusterOffset(75)))
            return .damaged([image.guestRange(ofCluster: 75)])
        },
        QCOWCase("version 1: compressed data that is cut by its length", .first) { image in
            image.setEntry(ofCluster: 75, to: image.entry(ofCluster: 75) - 1 << 54)
            return .damaged([image.guestRange(ofCluster: 75)])
        },
        QCOWCase("version 1: compressed data past the end", .first) { image in
            image.setEntry(ofCluster: 75, to: image.entry(ofCluster: 75) | 1 << 40)
            return .damaged([image.guestRange(ofCluster: 75)])
        },
    ]
}
