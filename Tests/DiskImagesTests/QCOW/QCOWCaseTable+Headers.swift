// The rows of the qcow2 table that are about headers.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

extension QCOWCase {
    static let headers: [QCOWCase] =
        [
            QCOWCase("version 2", .version2),
            QCOWCase("version 3", .usual),
            QCOWCase("header of 104 bytes", .usual.with { $0.headerByteCount = 104 }),
            QCOWCase("header of a cluster", .usual.with { $0.headerByteCount = 512 }),
        ]
        + ([0, 4, .max] as [UInt32]).map { version in
            QCOWCase("version \(version)", .usual) { image in
                image.setHeader(version, at: 4)
                return .refused("version \(version); versions 2 and 3 are read")
            }
        }
        + ([0, 103, 513, .max] as [UInt32]).map { byteCount in
            QCOWCase("header of \(byteCount) bytes", .usual) { image in
                image.setHeader(byteCount, at: 100)
                return .refused("the header has \(byteCount) bytes")
            }
        }
        + ([0, 8, 22, 64, .max] as [UInt32]).map { bits in
            QCOWCase("clusters of 2^\(bits) bytes", .usual) { image in
                image.setHeader(bits, at: 20)
                return .refused("a cluster has 2^\(bits) bytes")
            }
        }
        + [4, 7, 71, 103].map { byteCount in
            QCOWCase("the header ends after \(byteCount) bytes", .usual) { image in
                image.cut(to: byteCount)
                return .refused("qcow2 header")
            }
        }

    static let features: [QCOWCase] =
        [
            QCOWCase(
                "feature dirty", .usual.with { $0.incompatibleFeatures = 1 },
                warning: "was not closed by its last writer"),
            QCOWCase(
                "feature corrupt", .usual.with { $0.incompatibleFeatures = 2 }, warning: "marked as corrupt"),
            QCOWCase("feature external data", .usual.with { $0.incompatibleFeatures = 4 }) { _ in
                .refused("keeps its data in another file")
            },
            QCOWCase("feature compression type without a type", .usual.with { $0.incompatibleFeatures = 8 }) {
                _ in
                .refused("the compression type 0 and the feature that announces one disagree")
            },
            QCOWCase("compression type without the feature", .usual) { image in
                image.bytes[104] = 1
                return .refused("the compression type 1 and the feature that announces one disagree")
            },
            QCOWCase(
                "compression type in a header that ends before it", .usual.with { $0.headerByteCount = 104 }
            ) { image in
                // The first byte of an extension's type, which is not looked at.
                image.bytes[104] = 1
                return .read
            },
            QCOWCase("compression type 2", .usual.with { $0.incompatibleFeatures = 8 }) { image in
                image.bytes[104] = 2
                return .refused("compressed by method 2")
            },
            QCOWCase("extended entries with clusters of 8 KiB", .usual.with { $0.incompatibleFeatures = 16 })
            { image in
                image.setHeader(UInt32(13), at: 20)
                return .refused("too small for subclusters")
            },
            QCOWCase("unknown compatible and auto-clear features", .usual) { image in
                image.setHeader(UInt64.max, at: 80)
                image.setHeader(UInt64.max, at: 88)
                return .read
            },
            QCOWCase("features of version 3 in version 2", .version2) { image in
                image.setHeader(UInt64.max, at: 72)
                return .read
            },
        ]
        + [5, 31, 63].map { bit in
            QCOWCase("unknown feature, bit \(bit)", .usual.with { $0.incompatibleFeatures = 1 << bit }) { _ in
                .refused("features that are not known (bits 0x\(String(UInt64(1) << bit, radix: 16)))")
            }
        }
        + ([1, 2, .max] as [UInt32]).map { method in
            QCOWCase("encryption \(method)", .usual) { image in
                image.setHeader(method, at: 32)
                return .refused("is encrypted (method \(method))")
            }
        }

    static let sizes: [QCOWCase] = [
        QCOWCase("size 0", QCOWBuilder([])),
        QCOWCase("size 0 with a first-level table past the end", QCOWBuilder([])) { image in
            image.setHeader(UInt64.max << 9, at: 40)
            return .read
        },
        QCOWCase(
            "a size inside of a cluster",
            QCOWBuilder(QCOWClusterContent.mixedWithZeros(23)).with {
                $0.clusterBits = 12
                $0.virtualByteCount = 22 * 4_096 + 1_024
            }),
        QCOWCase("a size of 2^63 bytes", .usual) { image in
            image.setHeader(UInt64(1) << 63, at: 24)
            return .refused("longer than a file can be")
        },
        QCOWCase("a size of 2^64 - 1 bytes", .usual) { image in
            image.setHeader(UInt64.max, at: 24)
            return .refused("longer than a file can be")
        },
        QCOWCase("a size that needs a larger table than the header says", .usual) { image in
            image.setHeader(UInt64(193 * 512), at: 24)
            return .refused("a first-level table of 3 entries cannot lead to 98816 bytes")
        },
        QCOWCase("a size that needs a larger table than the file", .usual) { image in
            image.setHeader(UInt64(1) << 40, at: 24)
            image.setHeader(UInt32.max, at: 36)
            return .refused("needs a first-level table of 33554432 entries")
        },
        QCOWCase("a first-level table that is longer than needed", .usual) { image in
            image.setHeader(UInt32.max, at: 36)
            return .read
        },
        QCOWCase("a first-level table inside of a cluster", .usual) { image in
            image.setHeader(UInt64(image.places.firstLevel + 8), at: 40)
            return .refused("inside of a cluster")
        },
        QCOWCase("a first-level table in the header", .usual) { image in
            image.setHeader(UInt64(0), at: 40)
            return .refused("not behind the header")
        },
        QCOWCase("a first-level table past the end", .usual) { image in
            image.setHeader(UInt64(1) << 50, at: 40)
            return .refused("not behind the header and before the file's end")
        },
        QCOWCase("the file ends inside of the first-level table", .usual) { image in
            let old = image.places.firstLevel
            let start = image.alignEnd()
            // Two of three entries.
            image.bytes += image.bytes[old..<(old + 16)]
            image.setHeader(UInt64(start), at: 40)
            return .damaged([image.guestRange(ofTable: 2)])
        },
    ]

    static let geometries: [QCOWCase] =
        (9...21).flatMap { bits in
            ([2, 3] as [UInt32]).map { version in
                QCOWCase(
                    "version \(version), clusters of 2^\(bits) bytes",
                    QCOWBuilder([
                        .plain(.text), .absent, .compressed(.text), .plain(.noise), .compressed(.prose),
                    ]).with {
                        $0.version = version
                        $0.clusterBits = bits
                        $0.virtualByteCount = (5 << bits) - (bits > 9 ? 512 : 0)
                    })
            }
        }
        + [14, 16, 21].map { bits in
            QCOWCase(
                "extended entries, clusters of 2^\(bits) bytes",
                QCOWBuilder([
                    .plain(.text), .subclusters(stored: 0xff, zeros: 0xff00), .compressed(.text), .absent,
                ]).with {
                    $0.clusterBits = bits
                    $0.isExtended = true
                })
        }

    private static let referenceCountTables: [(name: String, offset: UInt64, clusterCount: UInt32)] = [
        ("past the end", 1 << 40, 1), ("inside of a cluster", 513, 1), ("at 0", 0, 1),
        ("at 2^64 - 512", .max << 9, .max), ("of 2^32 - 1 clusters", 512, .max), ("of no clusters", 512, 0),
    ]

    static let referenceCounts: [QCOWCase] =
        referenceCountTables.map { name, offset, count in
            QCOWCase("a table of reference counts \(name)", .usual) { image in
                image.setHeader(offset, at: 48)
                image.setHeader(count, at: 56)
                return .read
            }
        } + [
            QCOWCase("a table of reference counts where the first-level table is", .usual) { image in
                image.setHeader(UInt64(image.places.firstLevel), at: 48)
                return .read
            }
        ]
}
