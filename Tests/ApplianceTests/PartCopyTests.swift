// Tests of copies of partitions and snapshots: which are meant, and what their copies and maps are.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import OVFPackage
import SystemPackage
import TestSupport
import Testing

@testable import Appliance

@Suite("Copying a part of a disk")
struct PartCopyTests {
    private static func labels(_ appliance: Appliance, _ name: String) -> [String] {
        appliance.parts(called: Array(name.utf8)).map(\.label)
    }

    @Test("partitions and snapshots are found by the paths that info shows, snapshots by their names, too")
    func names() throws {
        let disk = try TestPackage.open(MemorySource(PartitionFileTests.gptDisk), named: "disk.img")
        for name in ["disk/2", ".ova/partitions/disk/2"] { #expect(Self.labels(disk, name) == ["disk/2"]) }
        for name in ["disk/3", "disk", "2", ".ova/snapshots/disk/2", "/disk/2", ""] {
            #expect(Self.labels(disk, name) == [], "\(name)")
        }
        #expect(disk.partLabels(atMost: 9) == ["disk/1", "disk/2"])
        #expect(disk.partLabels(atMost: 1) == ["disk/1"])
        let part = try #require(disk.parts(called: Array("disk/2".utf8)).first)
        #expect(part.fileName == Array("disk_2.raw".utf8) && part.isPart && part.notes.isEmpty)

        let before = Array("before update".utf8)
        let image = try SnapshotFileTests.appliance([before, Array("a/b".utf8), before])
        for name in ["disk/a_b.raw", ".ova/snapshots/disk/a_b.raw", "a/b"] {
            #expect(Self.labels(image, name) == ["disk/a_b.raw"])
        }
        // Two have the name, and each has a path.
        #expect(Self.labels(image, "before update").count == 2)
        let snapshot = image.parts(called: Array("disk/before update~2.raw".utf8))
        #expect(snapshot.map(\.fileName) == [Array("disk_before update~2.raw".utf8)])
    }

    @Test("where nothing is called so, a part is found by its identifier, its disk's, or without .raw")
    func otherNames() throws {
        let disk = try TestPackage.open(MemorySource(PartitionFileTests.gptDisk), named: "disk.img")
        #expect(Self.labels(disk, "disk.img/2") == ["disk/2"])
        let image = try SnapshotFileTests.appliance(
            ["new\nline", "2", "same", "same"].map { Array($0.utf8) })
        for name in [
            "1", "new_line", "disk/new_line", "disk.img/new_line", "disk.img/new_line.raw", "new\nline",
        ] {
            #expect(Self.labels(image, name) == ["disk/new_line.raw"], "\(name)")
        }
        // A name goes before an identifier, and a path before both.
        #expect(Self.labels(image, "2") == ["disk/2.raw"])
        #expect(
            Self.labels(image, "3") == ["disk/same.raw"] && Self.labels(image, "disk/2") == ["disk/2.raw"])
        #expect(Self.labels(image, "same").count == 2)
        #expect(Self.labels(image, "disk/same~2") == ["disk/same~2.raw"])
    }

    @Test("a part that may be there, were its disk or its table not damaged, comes with what is wrong")
    func problems() throws {
        var damaged = PartitionFileTests.gptDisk
        for offset in [512, damaged.count - 512] { damaged[offset + 57] ^= 1 }
        let table = try TestPackage.open(MemorySource(damaged), named: "disk.img")
        func problem(_ appliance: Appliance, _ name: String) -> String? {
            appliance.problem(ofPart: Array(name.utf8))?.message
        }
        for name in ["disk/2", ".ova/partitions/disk/2", "disk.img/7"] {
            #expect(problem(table, name)?.hasPrefix("disk disk.img: partition table: ") == true, "\(name)")
        }
        for name in ["disk/x.raw", "disk", "disk/", "other/2", "2", ""] {
            #expect(problem(table, name) == nil)
        }
        let sound = try TestPackage.open(MemorySource(PartitionFileTests.gptDisk), named: "disk.img")
        #expect(problem(sound, "disk/7") == nil)

        var package = TestPackage.simple()
        package.members[1].bytes = Array("KDMV and no more".utf8)
        let appliance = try package.open()
        for name in ["disk/1", "disk1/1", "disk/before.raw", ".ova/snapshots/disk/before.raw"] {
            #expect(problem(appliance, name)?.hasPrefix("disk disk1 is not decoded: ") == true, "\(name)")
        }
        let hidden = try SnapshotFileTests.appliance(
            Array(repeating: Array("same".utf8), count: 2_000), budget: 8 << 20)
        let reason = try #require(hidden.problem(ofPart: Array("disk/same.raw".utf8)))
        #expect(reason.message.contains("snapshots") && reason.remedy == .openMemory)
        #expect(problem(hidden, "disk/1") == nil)
        // A snapshot may be meant by its name or its id alone.
        #expect(problem(hidden, "same") == reason.message && problem(hidden, "") == nil)
        #expect(problem(appliance, "before") == nil)
        package.members[1].bytes = Array("QFI".utf8) + [0xfb, 0, 0, 0, 3] + [UInt8](repeating: 9, count: 600)
        #expect(problem(try package.open(), "before")?.hasPrefix("disk disk1 is not decoded: ") == true)
    }

    @Test("of a partition that the disk cuts short it is known how much is missing")
    func cutShort() throws {
        var disk = PartitionFileTests.gptDisk
        PartitionTableBuilder.GPT([.init(64, 9_999, name: "cut")]).write(onto: &disk)
        let appliance = try TestPackage.open(MemorySource(disk), named: "disk.img")
        let part = try #require(appliance.parts(called: Array("disk/1".utf8)).first)
        #expect(part.missingByteCount == UInt64((9_999 - 63) * 512 - (disk.count - 64 * 512)))
        #expect(part.bytes?.byteCount == UInt64(disk.count - 64 * 512))
    }

    @Test(
        "a copy has the bytes and the holes of the partition, and a map of what is damaged counts from its start",
        arguments: [1, 4])
    func copies(threadCount: Int) throws {
        var grains = GrainContent.grains(of: PartitionFileTests.gptDisk, byteCount: 8_192)
        // A grain of the second partition that does not compress, so that there is something to damage.
        let damagedGrain = 50
        grains[damagedGrain] = .noise
        var built = StreamOptimizedBuilder(grains).build()
        let place = try #require(built.places.grains[damagedGrain])
        for offset in place + 2_000..<place + 2_100 { built.bytes[offset] ^= 0x5a }
        let appliance = try TestPackage.open(MemorySource(built.bytes), named: "disk.vmdk")
        let part = try #require(appliance.parts(called: Array("disk/2".utf8)).first)
        let bytes = try #require(part.bytes)
        let start = 256 * 512
        let damaged = damagedGrain * 8_192 - start..<(damagedGrain + 1) * 8_192 - start
        var wanted = Array(built.guest[start..<1_024 * 512])
        wanted.replaceSubrange(damaged, with: [UInt8](repeating: 0, count: damaged.count))

        let folder = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = FilePath(folder.appending(path: "out.raw").path)
        let output = try OutputFile(path: path, byteCount: bytes.byteCount, overwrites: false)
        let damage = DamageMap()
        try DiskCopy(of: bytes, at: part.place, to: output, damage: damage).run(threadCount: threadCount)
        try output.finish()
        let copy = try LocalFile(path: path)
        #expect(try copy.bytes(wanted.count, at: 0) == wanted)
        #expect(copy.byteCount == UInt64(wanted.count))
        #expect(damage.places == [UInt64(damaged.lowerBound)..<UInt64(damaged.upperBound)])
        #expect(copy.allocatedByteCount < UInt64(wanted.count))
    }
}
