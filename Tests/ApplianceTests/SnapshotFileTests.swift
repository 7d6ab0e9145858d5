// Tests of the snapshots of an image that a mount shows as raw files.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import FileTree
import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

@Suite("Snapshots as files")
struct SnapshotFileTests {
    /// A disk that is a part of its file, with the snapshots that it is made with.
    private struct PartImage: DiskImage {
        let format = DiskFormat("part")
        let start: UInt64
        let virtualByteCount: UInt64
        var snapshots: [DiskSnapshot] = []
        let clusterByteCount = 0
        let warnings: [String] = []
        let allocationUnitByteCount: UInt64? = 4_096
        let parent: ParentReference? = ParentReference(names: [Array("base.img".utf8)])

        var allocatedByteCount: UInt64 { virtualByteCount }

        func extent(containing offset: UInt64) -> Extent {
            Extent(guestOffset: 0, byteCount: virtualByteCount, storage: .stored(at: start))
        }
    }

    static let file: [UInt8] = (0..<16_384).map { UInt8(truncatingIfNeeded: $0 / 3) }

    /// A disk image by itself with snapshots of these names, each one sector longer than the one before.
    static func appliance(_ names: [[UInt8]], budget: UInt64 = 256 << 20) throws -> Appliance {
        let snapshots = names.enumerated().map { index, name in
            DiskSnapshot(
                name: name, identifier: Array("\(index + 1)".utf8),
                creationTime: 1_700_000_000 + Int64(index),
                image: PartImage(
                    start: UInt64(index % 8 + 1) * 512, virtualByteCount: UInt64(index % 8 + 1) * 512))
        }
        var options = ApplianceOptions()
        options.openingByteLimit = budget
        let resources = try DiskResources(options)
        let disk = GuestDisk(
            PartImage(start: 0, virtualByteCount: 8_192, snapshots: snapshots), in: MemorySource(Self.file),
            cache: resources.cache, number: resources.cache.makeDiskNumber())
        return Appliance(
            package: nil,
            disks: [
                ApplianceDisk(
                    identifier: "disk.img", storedName: Array("disk.img".utf8), storedByteCount: 16_384,
                    modificationTime: 0, content: .decoded(disk), memberIndices: [], stored: nil,
                    warnings: [], rawPath: [Array("disk.raw".utf8)], copyName: nil)
            ], warnings: [], modificationTime: 0, resources: resources)
    }

    private static func names(_ names: [[UInt8]]) throws -> [String] {
        try #require(try appliance(names).disks[0].snapshots).snapshots.map {
            String(decoding: $0.fileName, as: UTF8.self)
        }
    }

    @Test("each is a raw file of its own size, time, bytes and attributes")
    func files() throws {
        let appliance = try Self.appliance([Array("before".utf8), Array("after".utf8)])
        let tree = try PartitionFileTests.tree(appliance)
        let node = try #require(PartitionFileTests.node(".ova/snapshots/disk/after.raw", in: tree))
        guard case .file(let source) = node.content else { return }
        #expect(try source.bytes(1_024, at: 0) == Array(Self.file[1_024..<2_048]))
        #expect(source.byteCount == 1_024)
        #expect(node.attributes.modificationTime == 1_700_000_001)
        #expect(node.allocatedByteCount == 1_024)
        let values = node.extendedAttributes.map { "\($0.name)=\($0.value() ?? "")" }
        #expect(
            values == [
                "user.ova.snapshot-name=after", "user.ova.snapshot-id=2",
                "user.ova.snapshot-time=1700000001", "user.ova.format=part", "user.ova.virtual-size=1024",
                "user.ova.state=ok",
            ])
        // The disk itself is another.
        let raw = try #require(PartitionFileTests.node("disk.raw", in: tree))
        guard case .file(let whole) = raw.content else { return }
        #expect(try whole.bytes(8_192, at: 0) == Array(Self.file[..<8_192]))
        // What two files show is counted once.
        #expect(tree.listedByteCount(\.byteCount) < 8_192 + 16_384 + 8_192)
    }

    @Test("names are made safe, and equal ones get numbers")
    func names() throws {
        let odd = ["a", "a", "", "..", ".", "../x", "a~2", "a/b", "a_b"].map { Array($0.utf8) }
        #expect(
            try Self.names(odd + [[0], [0xff]]) == [
                "a.raw", "a~2.raw", "snapshot.raw", "snapshot~2.raw", "snapshot~3.raw", ".._x.raw",
                "a~2~2.raw", "a_b.raw", "a_b~2.raw", "_.raw", "\u{fffd}.raw",
            ])
        // What no one sees is not in a name: it has one spelling.
        let hidden = ["new\nline", "e\u{1b}[2J", "\u{202e}x", "\u{85}\u{2028}", "ä\u{200d}b", "\u{7f}\t"]
        #expect(
            try Self.names(hidden.map { Array($0.utf8) } + [[0xff, 0x0a, 0xc3]]) == [
                "new_line.raw", "e_[2J.raw", "_x.raw", "__.raw", "ä\u{200d}b.raw", "__~2.raw",
                "\u{fffd}_\u{fffd}.raw",
            ])
        let long = try Self.names([999, 998].map { [UInt8](repeating: 0x78, count: $0) })
        #expect(long.allSatisfy { $0.utf8.count <= 255 })
        #expect(Set(long).count == 2)
        let many = try Self.names(Array(repeating: Array("same".utf8), count: 2_000))
        #expect(Set(many).count == 2_000)
    }

    @Test("info tells of snapshots, the parent and the cluster size")
    func summary() throws {
        let disk = ApplianceSummary(of: try Self.appliance([[0x61, 0xff]])).disks[0]
        #expect(disk.snapshotFolder?.text == ".ova/snapshots/disk")
        #expect(disk.snapshots.count == 1)
        #expect(disk.snapshots[0].name.hex == "61ff")
        #expect(disk.snapshots[0].id?.text == "1")
        #expect(disk.snapshots[0].time == 1_700_000_000)
        #expect(disk.snapshots[0].virtualSize == 512)
        #expect(disk.snapshots[0].file.hex == "61ff2e726177")
        #expect(disk.parent?.text == "base.img")
        #expect(disk.clusterSize == 4_096)
    }

    @Test("more snapshots than there is memory for are not shown, and named")
    func budget() throws {
        let appliance = try Self.appliance(
            Array(repeating: Array("same".utf8), count: 2_000), budget: 8 << 20)
        #expect(appliance.disks[0].snapshots == nil)
        #expect(appliance.codes == ["snapshots-not-shown"])
        #expect(appliance.findings.allSatisfy { $0.remedy == .openMemory })
        #expect(appliance.disks[0].source?.byteCount == 8_192)
    }
}
