// Tests of the snapshots inside of qcow2 images.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("Snapshots inside of qcow2 images")
struct QCOW2SnapshotTests {
    /// What is wrong with a snapshot as a disk.
    private func violations(_ snapshot: DiskSnapshot, _ image: BuiltQCOW, expected: [UInt8]) -> [String] {
        let cache = ClusterCache(byteLimit: 16 << 20)
        let disk = GuestDisk(snapshot.image, in: image.source, cache: cache, number: cache.makeDiskNumber())
        return DiskImageConformance(disk, expected: expected, clusterByteCount: image.clusterByteCount)
            .violations()
    }

    @Test(
        "each snapshot is a disk of its own, whatever the version",
        arguments: [
            QCOWBuilder.withSnapshots,
            QCOWBuilder.version2.with { $0.snapshots = QCOWBuilder.plainSnapshots },
            QCOWBuilder.zstd.with { $0.snapshots = QCOWBuilder.withSnapshots.snapshots },
            QCOWBuilder.extended.with {
                $0.snapshots = [.init("odd", QCOWClusterContent.mixedWithSubclusters(7))]
            },
        ])
    func disks(builder: QCOWBuilder) throws {
        let image = builder.build()
        let opened = try OpenedImage(image.source)
        #expect(opened.image.warnings == [])
        #expect(
            opened.violations(expected: image.guest, clusterByteCount: image.clusterByteCount) == [])
        let snapshots = opened.image.snapshots
        try #require(snapshots.count == builder.snapshots.count)
        for (number, snapshot) in snapshots.enumerated() {
            #expect(snapshot.name == builder.snapshots[number].name)
            #expect(snapshot.identifier == builder.snapshots[number].identifier)
            #expect(snapshot.creationTime == 1_700_000_000)
            #expect(snapshot.image.format == .qcow2)
            #expect(snapshot.image.snapshots.isEmpty)
            #expect(violations(snapshot, image, expected: image.snapshotGuests[number]) == [])
        }
    }

    @Test("names are bytes, whatever they are")
    func names() throws {
        let names: [[UInt8]] = [
            [], Array("..".utf8), Array("a/b".utf8), [0], [0xff, 0xfe], Array("same".utf8),
            Array("same".utf8),
            [UInt8](repeating: 0x61, count: 65_535),
        ]
        let image = QCOWBuilder.usual.with {
            $0.snapshots = names.map { name in
                var snapshot = QCOWBuilder.Snapshot("", [.plain(.text)])
                snapshot.name = name
                return snapshot
            }
        }.build()
        #expect(try OpenedImage(image.source).image.snapshots.map(\.name) == names)
    }

    @Test(
        "a snapshot has a size of its own where it says so, else the disk's",
        arguments: [0, 8, 16, 24, 1_000])
    func sizes(extraByteCount: Int) throws {
        let image = QCOWBuilder.usual.with {
            var snapshot = QCOWBuilder.Snapshot("s", QCOWClusterContent.mixed(150))
            snapshot.extraByteCount = extraByteCount
            snapshot.virtualByteCount = 149 * 512
            $0.snapshots = [snapshot, QCOWBuilder.Snapshot("t", [.plain(.text)])]
        }.build()
        let snapshots = try OpenedImage(image.source).image.snapshots
        #expect(
            snapshots.map(\.image.virtualByteCount) == [extraByteCount >= 16 ? 149 * 512 : 150 * 512, 512])
    }

    @Test("a snapshot builds on what the disk builds on")
    func parent() throws {
        let image = QCOWBuilder.withSnapshots.with {
            $0.backingName = Array("base.raw".utf8)
            $0.extensions = [(QCOWBuilder.formatExtension, Array("raw".utf8))]
        }.build()
        let opened = try image.openedAlone()
        #expect(opened.parent == ParentReference(names: [Array("base.raw".utf8)], content: .raw))
        #expect(opened.snapshots.map(\.image.parent) == [opened.parent, opened.parent])
    }

    /// A table of snapshots that is damaged in one way.
    struct Damage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Which of the two snapshots are left.
        let left: [Int]
        let warning: String
        let change: @Sendable (inout BuiltQCOW) -> Void

        init(
            _ name: String, left: [Int], _ warning: String,
            change: @escaping @Sendable (inout BuiltQCOW) -> Void
        ) {
            testDescription = name
            self.left = left
            self.warning = warning
            self.change = change
        }
    }

    private static let damages: [Damage] = [
        Damage("65,537 of them", left: [], "should have 65537 snapshots") {
            $0.setHeader(UInt32(65_537), at: 60)
        },
        Damage("2^32 - 1 of them", left: [], "should have 4294967295 snapshots") {
            $0.setHeader(UInt32.max, at: 60)
        },
        Damage("one more than there are", left: [0, 1], "1 of 3 snapshots are not shown") {
            $0.setHeader(UInt32(3), at: 60)
        },
        Damage("the table is inside of a cluster", left: [], "inside of a cluster") { image in
            image.setHeader(UInt64(image.places.snapshotTable + 8), at: 64)
        },
        Damage("the table is at 0", left: [], "of 2 snapshots") { $0.setHeader(UInt64(0), at: 64) },
        Damage("the table is past the end", left: [], "of 2 snapshots") {
            $0.setHeader(UInt64(1) << 40, at: 64)
        },
        Damage("the table is at 2^64 - 512", left: [], "of 2 snapshots") {
            $0.setHeader(UInt64.max << 9, at: 64)
        },
        Damage("an entry with 4 GiB of extra data", left: [], "those after the first 0 are not shown") {
            image in
            image.bytes.put(UInt32.max, at: image.places.snapshotEntries[0] + 36)
        },
        Damage("a first-level table past the end", left: [1], "1 of 2 snapshots are not shown") { image in
            image.bytes.put((UInt64(1) << 40).byteSwapped, at: image.places.snapshotEntries[0])
        },
        Damage("a first-level table that ends past the end", left: [0], "1 of 2 snapshots") { image in
            let end = (image.bytes.count - 8) / 512 * 512
            image.bytes.put(UInt64(end).byteSwapped, at: image.places.snapshotEntries[1])
            image.cut(to: end + 15)
        },
        Damage("a first-level table inside of a cluster", left: [0], "inside of a cluster") { image in
            image.bytes.put(
                UInt64(image.places.snapshotFirstLevels[1] + 8).byteSwapped,
                at: image.places.snapshotEntries[1])
        },
        Damage("a first-level table in the header", left: [1], "1 of 2 snapshots") { image in
            image.bytes.put(UInt64(0), at: image.places.snapshotEntries[0])
        },
        Damage("the first-level table of the disk", left: [1], "it lies on the first-level table") { image in
            image.bytes.put(
                UInt64(image.places.firstLevel).byteSwapped, at: image.places.snapshotEntries[0])
        },
        Damage("a first-level table on the table of snapshots", left: [1], "another table is on some") {
            image in
            image.bytes.put(
                UInt64(image.places.snapshotTable).byteSwapped, at: image.places.snapshotEntries[0])
        },
        Damage("one first-level table of two snapshots", left: [], "2 of 2 snapshots are not shown") {
            image in
            image.bytes.put(
                UInt64(image.places.snapshotFirstLevels[1]).byteSwapped, at: image.places.snapshotEntries[0])
        },
        Damage("a first-level table on the table of reference counts", left: [1], "of reference counts") {
            image in
            image.bytes.put(
                UInt64(image.places.referenceCountTable).byteSwapped, at: image.places.snapshotEntries[0])
        },
        Damage("a first-level table that is too short", left: [0], "cannot lead to 40960 bytes") { image in
            image.bytes.put(UInt32(1).byteSwapped, at: image.places.snapshotEntries[1] + 8)
        },
        Damage("a size of 2^64 - 1", left: [1], "longer than a file can be") { image in
            image.bytes.put(UInt64.max, at: image.places.snapshotEntries[0] + 48)
        },
    ]

    @Test("the disk is right whatever the snapshots are, and the others are, too", arguments: damages)
    func damage(damage: Damage) throws {
        var image = QCOWBuilder.withSnapshots.build()
        // Where a file ends early, the last clusters are missing, which is another test's.
        let lastCluster = image.clusterOffset(149)
        damage.change(&image)
        let opened = try OpenedImage(image.source)
        #expect(opened.image.warnings.contains { $0.contains(damage.warning) }, "\(opened.image.warnings)")
        #expect(opened.image.warnings.count == 1)
        #expect(
            opened.image.snapshots.map(\.name)
                == damage.left.map { QCOWBuilder.withSnapshots.snapshots[$0].name })
        #expect(lastCluster < image.bytes.count)
        #expect(opened.violations(expected: image.guest, clusterByteCount: 512) == [])
        for (snapshot, number) in zip(opened.image.snapshots, damage.left) {
            #expect(violations(snapshot, image, expected: image.snapshotGuests[number]) == [])
        }
    }

    @Test("damage in a snapshot's tables is damage of what they map, and the disk does not know of it")
    func mapDamage() throws {
        var image = QCOWBuilder.withSnapshots.build()
        let firstLevel = image.places.snapshotFirstLevels[1]
        // Two entries that name one table, found only when the snapshot is read.
        image.bytes.put(image.bytes.littleEndian(UInt64.self, at: firstLevel), at: firstLevel + 8)
        let opened = try OpenedImage(image.source)
        #expect(opened.violations(expected: image.guest, clusterByteCount: 512) == [])
        let snapshots = opened.image.snapshots
        #expect(violations(snapshots[0], image, expected: image.snapshotGuests[0]) == [])
        for offset in [0, 512, 64 * 512, 79 * 512] as [UInt64] {
            guard case .damaged(let error) = try snapshots[1].image.extent(containing: offset).storage else {
                Issue.record("byte \(offset) is read")
                continue
            }
            #expect("\(error)".contains("as another entry does"))
        }
    }

    @Test("a first-level table on a second-level table of the disk: neither is used")
    func onTableOfTheDisk() throws {
        var image = QCOWBuilder.withSnapshots.build()
        image.bytes.put(UInt64(image.places.tables[1] ?? 0).byteSwapped, at: image.places.snapshotEntries[0])
        let opened = try OpenedImage(image.source)
        #expect(opened.image.snapshots.map(\.name) == [Array("second".utf8)])
        #expect(opened.image.warnings.contains { $0.contains("it lies on a table") })
        #expect(
            opened.violations(
                expected: image.guest, damaged: [image.guestRange(ofTable: 1)], clusterByteCount: 512) == [])
        #expect(violations(opened.image.snapshots[0], image, expected: image.snapshotGuests[1]) == [])
    }

    @Test("a snapshot's entry that leads to a first-level table is damage", arguments: [0, 1])
    func entryOntoFirstLevel(number: Int) throws {
        var image = QCOWBuilder.withSnapshots.build()
        let entry = UInt64(image.places.snapshotFirstLevels[number]) | 1 << 63
        image.bytes.put(entry.byteSwapped, at: image.places.snapshotFirstLevels[1])
        let opened = try OpenedImage(image.source)
        #expect(opened.violations(expected: image.guest, clusterByteCount: 512) == [])
        for offset in [0, 512, 63 * 512] as [UInt64] {
            guard
                case .damaged(let error) = try opened.image.snapshots[1].image.extent(containing: offset)
                    .storage
            else {
                Issue.record("byte \(offset) is read")
                continue
            }
            #expect("\(error)".contains("first-level table of a snapshot"), "\(error)")
        }
    }

    @Test("a snapshot is read when all memory for opening is spent: what it needs was taken")
    func spentBudget() throws {
        let image = QCOWBuilder.withSnapshots.build()
        let budget = OpeningBudget()
        let opened = try OpenedImage(image.source, options: .init(budget: budget))
        try budget.take(budget.byteLimit - budget.usedByteCount, for: "all")
        for (number, snapshot) in opened.image.snapshots.enumerated() {
            #expect(violations(snapshot, image, expected: image.snapshotGuests[number]) == [])
        }
    }

    @Test("counting what snapshots store takes no longer than they have together")
    func countingTime() throws {
        let opened = try OpenedImage(QCOWBuilder.withSnapshots.build().source)
        let snapshot = try #require(opened.image.snapshots[0].image as? QCOWImage)
        func copy(within time: CountingTime) -> QCOWImage {
            QCOWImage(
                .qcow2, snapshot.file, virtualByteCount: snapshot.virtualByteCount,
                firstLevel: snapshot.firstLevel, parent: nil, countingWithin: time)
        }
        #expect(!copy(within: CountingTime()).allocationIsEstimate)
        #expect(copy(within: CountingTime()).allocatedByteCount == snapshot.allocatedByteCount)
        #expect(copy(within: CountingTime(.zero)).allocationIsEstimate)
    }

    @Test("who may not wait does not look through a snapshot's table")
    func patience() throws {
        let snapshot = try OpenedImage(QCOWBuilder.withSnapshots.build().source).image.snapshots[0].image
        let first = #expect(throws: ReadError.self) {
            try Patience.decodes.during { () throws(ReadError) in try snapshot.extent(containing: 0) }
        }
        #expect(first == .wouldWait)
        _ = try snapshot.extent(containing: 0)
        _ = try Patience.decodes.during { () throws(ReadError) in try snapshot.extent(containing: 0) }
    }
}

extension QCOWBuilder {
    static let plainSnapshots = [
        Snapshot("first", QCOWClusterContent.mixed(100)), Snapshot("second", QCOWClusterContent.mixed(13)),
    ]
}
