// The rows of the qcow2 table that are about the entries of clusters, and compressed ones.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

extension QCOWCase {
    /// A standard entry that is not what it should be.
    private static func entry(
        _ row: String, _ builder: QCOWBuilder = .usual, change: (UInt64) -> UInt64
    ) -> QCOWCase {
        QCOWCase("entry: \(row)", builder) { image in
            image.setEntry(ofCluster: 70, to: change(image.entry(ofCluster: 70)))
            return .damaged([image.guestRange(ofCluster: 70)])
        }
    }

    static let entries: [QCOWCase] =
        (Array(1...8) + Array(56...61)).map { bit in
            entry("bit \(bit)") { $0 | 1 << UInt64(bit) }
        }
        + [
            entry("bit 0 in version 2", .version2) { $0 | 1 },
            entry("marked, without a place") { _ in 1 << 63 },
            entry("marked, without a place, in version 2", .version2) { _ in 1 << 63 },
            QCOWCase("entry: a place inside of a cluster", .twoTables) { image in
                image.setEntry(ofCluster: 1, to: image.entry(ofCluster: 1) + 512)
                return .damaged([image.guestRange(ofCluster: 1)])
            },
            QCOWCase("entry: bit 63 is not looked at", .usual) { image in
                for index in [0, 1, 5, 69, 70] {
                    image.setEntry(ofCluster: index, to: image.entry(ofCluster: index) & ~(1 << 63))
                }
                image.setEntry(ofCluster: 3, to: image.entry(ofCluster: 3) | 1 << 63)
                return .read
            },
            QCOWCase("entry: zeros with a place that cannot be", .usual) { image in
                image.setEntry(ofCluster: 70, to: 0x00ff_ffff_ffff_fe01)
                image.setZeros(image.guestRange(ofCluster: 70))
                return .read
            },
            QCOWCase("entry: zeros, marked, without a place", .usual) { image in
                image.setEntry(ofCluster: 70, to: 1 << 63 | 1)
                image.setZeros(image.guestRange(ofCluster: 70))
                return .read
            },
        ]

    static let extended: [QCOWCase] = [
        QCOWCase("extended entries", .extended),
        QCOWCase("extended entries, zstd", .extended.with { $0.compressor = .zstd }),
        QCOWCase("extended: a subcluster that is stored and zeros", .extended) { image in
            image.setBitmap(ofCluster: 1, to: image.bitmap(ofCluster: 1) | 1 << 32)
            return .damaged([image.guestRange(ofCluster: 1)])
        },
        QCOWCase("extended: a stored subcluster without a place", .extended) { image in
            image.setEntry(ofCluster: 1, to: 0)
            return .damaged([image.guestRange(ofCluster: 1)])
        },
        QCOWCase("extended: a stored subcluster that is marked, without a place", .extended) { image in
            image.setEntry(ofCluster: 1, to: 1 << 63)
            return .damaged([image.guestRange(ofCluster: 1)])
        },
        QCOWCase("extended: marked, without a place, nothing stored", .extended) { image in
            image.setEntry(ofCluster: 2, to: 1 << 63)
            return .damaged([image.guestRange(ofCluster: 2)])
        },
        QCOWCase("extended: bit 0", .extended) { image in
            image.setEntry(ofCluster: 0, to: image.entry(ofCluster: 0) | 1)
            return .damaged([image.guestRange(ofCluster: 0)])
        },
        QCOWCase("extended: a place inside of a cluster", .extended) { image in
            image.setEntry(ofCluster: 1, to: image.entry(ofCluster: 1) + 512)
            return .damaged([image.guestRange(ofCluster: 1)])
        },
        QCOWCase("extended: a compressed cluster with subclusters", .extended) { image in
            image.setBitmap(ofCluster: 3, to: 1)
            return .damaged([image.guestRange(ofCluster: 3)])
        },
        QCOWCase("extended: a place past the end", .extended) { image in
            image.setEntry(ofCluster: 1, to: 1 << 50)
            return .damaged([image.guestRange(ofSubclusters: 0..<8, of: 1)])
        },
        QCOWCase("extended: a place in the first-level table", .extended) { image in
            image.setEntry(ofCluster: 1, to: UInt64(image.places.firstLevel))
            return .damaged([image.guestRange(ofSubclusters: 0..<8, of: 1)])
        },
        QCOWCase(
            "extended: the file ends inside of a cluster",
            .extended.with {
                $0.clusters = [.plain(.text), .subclusters(stored: 0x0f0f, zeros: 0xf000_0000)]
            }
        ) { image in
            // Inside of its tenth subcluster.
            image.cut(to: image.clusterOffset(1) + 9 * 512 + 100)
            let part = image.guestRange(ofSubclusters: 9..<12, of: 1)
            return .damaged([part.lowerBound + 100..<part.upperBound])
        },
        QCOWCase("extended: a place without anything stored", .extended) { image in
            image.setBitmap(ofCluster: 1, to: 0xff << 32)
            image.setZeros(image.guestRange(ofCluster: 1))
            return .read
        },
    ]

    static let compressed: [QCOWCase] = [
        QCOWCase(
            "compressed clusters larger than a cluster, across clusters",
            QCOWBuilder((0..<40).map { $0 % 3 == 2 ? .absent : .compressed(.noise) }).with { $0.level = 0 }),
        QCOWCase("the file ends with the compressed data, inside of a sector", .compressedEnd) { image in
            image.cutBehind(6)
            return .read
        },
        QCOWCase("the file ends inside of the compressed data", .compressedEnd) { image in
            image.cut(to: image.clusterOffset(6) + (image.places.storedByteCounts[6] ?? 0) - 1)
            return .damaged([image.guestRange(ofCluster: 6)])
        },
        QCOWCase("compressed data that is no deflate stream", .usual) { image in
            image.appendCompressed([UInt8](repeating: 0xff, count: 200), for: 3)
            return .damaged([image.guestRange(ofCluster: 3)])
        },
        QCOWCase("compressed data with a header of zlib", .usual) { image in
            image.appendCompressed(ZlibCompressor.compress(image.guestBytes(ofCluster: 3)), for: 3)
            return .damaged([image.guestRange(ofCluster: 3)])
        },
        QCOWCase("compressed data that inflates to less", .usual) { image in
            image.appendCompressed(
                ClusterCompressor.deflate.compress([UInt8](repeating: 1, count: 511)), for: 3)
            return .damaged([image.guestRange(ofCluster: 3)])
        },
        QCOWCase("compressed data that inflates to more", .usual) { image in
            image.appendCompressed(
                ClusterCompressor.deflate.compress([UInt8](repeating: 1, count: 513)), for: 3)
            return .damaged([image.guestRange(ofCluster: 3)])
        },
        QCOWCase("compressed data that inflates to a thousand times as much", .usual) { image in
            image.appendCompressed(
                ClusterCompressor.deflate.compress([UInt8](repeating: 1, count: 512 << 10), level: 12), for: 3
            )
            return .damaged([image.guestRange(ofCluster: 3)])
        },
        QCOWCase("compressed data behind which other bytes follow", .usual) { image in
            let data = ClusterCompressor.deflate.compress(image.guestBytes(ofCluster: 3))
            image.appendCompressed(data + [UInt8](repeating: 0xff, count: 400), for: 3)
            return .read
        },
        QCOWCase("a length that ends a sector too early", .twoTables) { image in
            let data = ClusterCompressor.deflate.compress(image.guestBytes(ofCluster: 3), level: 0)
            image.appendCompressed(data, for: 3)
            image.setEntry(ofCluster: 3, to: image.entry(ofCluster: 3) - 1 << 58)
            return .damaged([image.guestRange(ofCluster: 3)])
        },
        QCOWCase("the longest length, into what follows", .usual) { image in
            image.setEntry(ofCluster: 3, to: image.entry(ofCluster: 3) | 1 << 61)
            return .read
        },
    ]

    static let zstd: [QCOWCase] = [
        QCOWCase("zstd", .zstd),
        QCOWCase(
            "zstd, clusters of 64 KiB",
            .zstd.with {
                $0.clusterBits = 16
                $0.clusters.removeLast(130)
            }),
        QCOWCase("zstd: the file ends with the data", .compressedEnd.with { $0.compressor = .zstd }) {
            image in
            image.cutBehind(6)
            return .read
        },
        QCOWCase("zstd: the file ends inside of the data", .compressedEnd.with { $0.compressor = .zstd }) {
            image in
            image.cut(to: image.clusterOffset(6) + (image.places.storedByteCounts[6] ?? 0) - 1)
            return .damaged([image.guestRange(ofCluster: 6)])
        },
        QCOWCase("zstd: data that is no frame", .zstd) { image in
            image.appendCompressed([UInt8](repeating: 0xff, count: 200), for: 3)
            return .damaged([image.guestRange(ofCluster: 3)])
        },
        QCOWCase("zstd: a deflate stream", .zstd) { image in
            image.appendCompressed(ClusterCompressor.deflate.compress(image.guestBytes(ofCluster: 3)), for: 3)
            return .damaged([image.guestRange(ofCluster: 3)])
        },
        QCOWCase("zstd: a frame of less", .zstd) { image in
            image.appendCompressed(ClusterCompressor.zstd.compress([UInt8](repeating: 1, count: 511)), for: 3)
            return .damaged([image.guestRange(ofCluster: 3)])
        },
        QCOWCase("zstd: a frame of more", .zstd) { image in
            image.appendCompressed(
                ClusterCompressor.zstd.compress([UInt8](repeating: 1, count: 1 << 20)), for: 3)
            return .damaged([image.guestRange(ofCluster: 3)])
        },
        QCOWCase("zstd: two frames, and other bytes behind them", .zstd) { image in
            let guest = image.guestBytes(ofCluster: 3)
            let frames = [guest[..<200], guest[200...]].flatMap { ClusterCompressor.zstd.compress(Array($0)) }
            image.appendCompressed(frames + [UInt8](repeating: 0xff, count: 100), for: 3)
            return .read
        },
        QCOWCase("zstd: a skippable frame first", .zstd) { image in
            let skipped: [UInt8] = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]
            image.appendCompressed(
                skipped + ClusterCompressor.zstd.compress(image.guestBytes(ofCluster: 3)), for: 3)
            return .read
        },
        QCOWCase("zstd: a frame that claims a window of 2 GiB", .zstd) { image in
            // No size of the content, and a window of 2^31 bytes; one last block, stored.
            var frame: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3]
            frame += [UInt8(truncatingIfNeeded: 512 << 3 | 1), UInt8(512 >> 5), 0]
            image.appendCompressed(frame + image.guestBytes(ofCluster: 3), for: 3)
            return .read
        },
        QCOWCase("zstd: a wrong checksum", .zstd) { image in
            // One block of a repeated byte, with a checksum that is not its own.
            let frame: [UInt8] = [
                0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x40, 0x03, 0x10, 0x00, 0x07, 0xde, 0xad, 0xbe, 0xef,
            ]
            image.appendCompressed(frame, for: 3)
            return .damaged([image.guestRange(ofCluster: 3)])
        },
    ]
}

extension QCOWBuilder {
    /// Its last cluster is compressed and ends with the data.
    static let compressedEnd = QCOWBuilder([
        .plain(.text), .compressed(.prose), .absent, .compressed(.text), .plain(.noise), .compressed(.prose),
        .compressed(.text),
    ])
}
