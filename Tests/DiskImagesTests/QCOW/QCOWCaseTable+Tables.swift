// The rows of the qcow2 table that are about tables.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

extension QCOWCase {
    /// An entry of the first level that is not what it should be.
    private static func firstLevel(
        _ row: String, _ builder: QCOWBuilder = .usual, change: (UInt64, BuiltQCOW) -> UInt64
    ) -> QCOWCase {
        QCOWCase("first level: \(row)", builder) { image in
            image.setFirstLevelEntry(1, to: change(image.firstLevelEntry(1), image))
            return .damaged([image.guestRange(ofTable: 1)])
        }
    }

    static let firstLevels: [QCOWCase] =
        (Array(0...8) + Array(56...62)).map { bit in
            firstLevel("bit \(bit)") { entry, _ in entry | 1 << UInt64(bit) }
        }
        + [
            firstLevel("a place inside of a cluster", .twoTables) { entry, _ in entry + 512 },
            firstLevel("marked, without a place") { _, _ in 1 << 63 },
            firstLevel("past the end") { _, image in UInt64(image.bytes.count + 511) / 512 * 512 },
            firstLevel("far past the end") { _, _ in 0x00ff_ffff_ffff_fe00 },
            firstLevel("into the table of reference counts") { _, image in
                UInt64(image.places.referenceCountTable)
            },
            firstLevel("into the first-level table") { _, image in UInt64(image.places.firstLevel) },
            QCOWCase(
                "first level: into the first-level table of a snapshot", .withSnapshots,
                warning: "1 of 2 snapshots are not shown"
            ) { image in
                image.setFirstLevelEntry(1, to: UInt64(image.places.snapshotFirstLevels[0]) | 1 << 63)
                return .damaged([image.guestRange(ofTable: 1)])
            },
            QCOWCase("first level: into the table of snapshots", .withSnapshots) { image in
                image.setFirstLevelEntry(1, to: UInt64(image.places.snapshotTable) | 1 << 63)
                return .damaged([image.guestRange(ofTable: 1)])
            },
            QCOWCase("first level: bit 63 is not looked at", .usual) { image in
                for table in 0..<3 {
                    image.setFirstLevelEntry(table, to: image.firstLevelEntry(table) & ~(1 << 63))
                }
                return .read
            },
            QCOWCase("first level: two entries name one table", .usual) { image in
                image.setFirstLevelEntry(2, to: image.firstLevelEntry(0))
                return .damaged([image.guestRange(ofTable: 0), image.guestRange(ofTable: 2)])
            },
            QCOWCase("first level: an absent table", .usual) { image in
                image.setFirstLevelEntry(1, to: 0)
                image.setZeros(image.guestRange(ofTable: 1))
                return .read
            },
        ]

    static let secondLevels: [QCOWCase] = [
        QCOWCase("the file ends inside of a second-level table", .usual) { image in
            let old = image.places.tables[2] ?? 0
            let start = image.alignEnd()
            // Ten entries, of which half of the last one is missing.
            image.bytes += image.bytes[old..<(old + 76)]
            image.setFirstLevelEntry(2, to: UInt64(start))
            return .damaged([UInt64(137 * 512)..<UInt64(150 * 512)])
        },
        QCOWCase("the file ends behind the part of a second-level table that the disk needs", .usual) {
            image in
            let old = image.places.tables[2] ?? 0
            let start = image.alignEnd()
            image.bytes += image.bytes[old..<(old + 22 * 8)]
            image.setFirstLevelEntry(2, to: UInt64(start))
            return .read
        },
    ]

    /// Where no cluster can be.
    private static let wrongPlaces: [(name: String, place: @Sendable (BuiltQCOW) -> Int)] = [
        ("into the header", { _ in 0 }),
        ("into the table of reference counts", { $0.places.referenceCountTable }),
        ("into the first-level table", { $0.places.firstLevel }),
        ("into its own second-level table", { $0.places.tables[1] ?? 0 }),
        ("into another second-level table", { $0.places.tables[0] ?? 0 }),
        ("past the end", { ($0.bytes.count + 511) / 512 * 512 }), ("far past the end", { _ in 1 << 54 }),
    ]

    static let places: [QCOWCase] = wrongPlaces.flatMap { cases(at: $0.place, $0.name) } + otherPlaces

    private static func cases(at place: (BuiltQCOW) -> Int, _ name: String) -> [QCOWCase] {
        [
            QCOWCase("a cluster \(name)", .usual) { image in
                // Place 0 is no place, unless it is marked.
                image.setEntry(ofCluster: 69, to: UInt64(place(image)) | 1 << 63)
                return .damaged([image.guestRange(ofCluster: 69)])
            },
            QCOWCase("a compressed cluster \(name)", .usual) { image in
                image.setEntry(ofCluster: 75, to: 1 << 62 | UInt64(place(image)))
                return .damaged([image.guestRange(ofCluster: 75)])
            },
        ]
    }

    private static let otherPlaces: [QCOWCase] = [
        QCOWCase("a cluster in the part of the first-level table that the disk does not need", .usual) {
            image in
            let start = image.appendTable(image.places.firstLevel, entryCount: 1_024)
            image.setHeader(UInt64(start), at: 40)
            image.setHeader(UInt32(1_024), at: 36)
            image.setEntry(ofCluster: 69, to: UInt64(start + 8_192 - 512))
            return .damaged([image.guestRange(ofCluster: 69)])
        },
        QCOWCase(
            "a cluster in the part of a snapshot's first-level table that it does not need", .withSnapshots
        ) { image in
            let start = image.appendTable(image.places.snapshotFirstLevels[1], entryCount: 1_024)
            image.bytes.put(UInt64(start).byteSwapped, at: image.places.snapshotEntries[1])
            image.bytes.put(UInt32(1_024).byteSwapped, at: image.places.snapshotEntries[1] + 8)
            image.setEntry(ofCluster: 69, to: UInt64(start + 8_192 - 512))
            return .damaged([image.guestRange(ofCluster: 69)])
        },
        QCOWCase("compressed data that runs into a second-level table", .usual) { image in
            let start = (image.places.tables[0] ?? 0) - 5
            // A stored block of 512 bytes.
            image.bytes.put([1, 0, 2, 0xff, 0xfd], at: start)
            image.setEntry(ofCluster: 75, to: 1 << 62 | 1 << 61 | UInt64(start))
            return .damaged([image.guestRange(ofCluster: 75)])
        },
        QCOWCase("a cluster in a table of reference counts that is longer than the file", .usual) { image in
            image.setHeader(UInt32.max, at: 56)
            image.setEntry(ofCluster: 69, to: UInt64(image.places.referenceCountTable))
            return .damaged([image.guestRange(ofCluster: 69)])
        },
        QCOWCase(
            "a cluster in the table of snapshots, none of which is shown", .withSnapshots,
            warning: "2 of 2 snapshots are not shown"
        ) { image in
            for (entry, table) in zip(image.places.snapshotEntries, image.places.snapshotFirstLevels) {
                image.bytes.put(UInt64(table + 8).byteSwapped, at: entry)
            }
            image.setEntry(ofCluster: 69, to: UInt64(image.places.snapshotTable))
            return .damaged([image.guestRange(ofCluster: 69)])
        },
        QCOWCase("a cluster in the first-level table of a snapshot", .withSnapshots) { image in
            image.setEntry(ofCluster: 69, to: UInt64(image.places.snapshotFirstLevels[1]))
            return .damaged([image.guestRange(ofCluster: 69)])
        },
        QCOWCase("a cluster in the table of snapshots", .withSnapshots) { image in
            image.setEntry(ofCluster: 69, to: UInt64(image.places.snapshotTable))
            return .damaged([image.guestRange(ofCluster: 69)])
        },
        QCOWCase("the file ends between clusters", .usual) { image in
            image.cutBehind(129)
            return .damaged(image.storedRanges(130..<150))
        },
        QCOWCase("the file ends inside of a cluster", .usual) { image in
            image.cut(to: image.clusterOffset(130) + 100)
            let cluster = image.guestRange(ofCluster: 130)
            return .damaged(
                [cluster.lowerBound + 100..<cluster.upperBound] + image.storedRanges(131..<150))
        },
        QCOWCase(
            "the file ends where the disk does, inside of a cluster",
            QCOWBuilder([.plain(.text), .plain(.noise), .plain(.text)]).with {
                $0.clusterBits = 12
                $0.virtualByteCount = 2 * 4_096 + 1_024
                $0.fillsLastCluster = false
            }),
    ]
}

extension QCOWBuilder {
    /// The usual image with two snapshots.
    static let withSnapshots = usual.with {
        $0.snapshots = [
            Snapshot("first", QCOWClusterContent.mixedWithZeros(100)),
            Snapshot("second", QCOWClusterContent.mixed(80)),
        ]
    }

    /// Clusters of 4 KiB in two tables.
    static let twoTables = QCOWBuilder(
        QCOWClusterContent.mixed(4) + Array(repeating: .absent, count: 508) + QCOWClusterContent.mixed(4)
    ).with { $0.clusterBits = 12 }
}

extension BuiltQCOW {
    /// Appends a copy of the three entries at `old`, with zeros up to `entryCount` entries; where it starts.
    fileprivate mutating func appendTable(_ old: Int, entryCount: Int) -> Int {
        let start = alignEnd()
        bytes += bytes[old..<(old + 24)]
        bytes.append(contentsOf: repeatElement(0, count: entryCount * 8 - 24))
        return start
    }

    /// Cuts the file behind cluster `index`.
    mutating func cutBehind(_ index: Int) {
        cut(to: clusterOffset(index) + (places.storedByteCounts[index] ?? 0))
    }

    /// Those of clusters `indices` that are stored, in guest bytes.
    func storedRanges(_ indices: Range<Int>) -> [Range<UInt64>] {
        indices.filter { places.clusters[$0] != nil }.map { guestRange(ofCluster: $0) }
    }
}
