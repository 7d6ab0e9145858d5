// Tests of the partitions that a mount shows as files: names, bytes, attributes, and what they may cost.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

@Suite("Partitions as files")
struct PartitionFileTests {
    /// 1 MiB with a GPT of two partitions, the second of which has data and holes.
    static let gptDisk: [UInt8] = {
        var disk = [UInt8](repeating: 0, count: 1 << 20)
        PartitionTableBuilder.GPT([.init(64, 127, name: "EFI System"), .init(256, 1_023)]).write(onto: &disk)
        for index in 64 * 512..<128 * 512 { disk[index] = UInt8(truncatingIfNeeded: index / 7) }
        for index in 512 * 512..<640 * 512 { disk[index] = UInt8(truncatingIfNeeded: index / 5) }
        return disk
    }()

    /// 64 KiB with an MBR of one partition, which is empty.
    static let mbrDisk: [UInt8] = {
        var disk = [UInt8](repeating: 0, count: 64 << 10)
        disk.put(PartitionTableBuilder.bootRecord([(0x83, 2, 10)], signature: 0xabcd), at: 0)
        return disk
    }()

    /// A streamOptimized image of `disk`, with grains of 8 KiB.
    static func image(of disk: [UInt8]) -> [UInt8] {
        StreamOptimizedBuilder(GrainContent.grains(of: disk, byteCount: 8_192)).build().bytes
    }

    static func tree(_ appliance: Appliance) throws -> FileTree {
        try ApplianceTree.make(for: appliance, showsControlDirectory: true, liveStatistics: { [] })
    }

    static func node(_ path: String, in tree: FileTree) -> Node? {
        tree.node(at: path.split(separator: "/").map { Array($0.utf8) })
    }

    private static func values(_ node: Node) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: node.extendedAttributes.compactMap { attribute in
                attribute.value().map { (String(attribute.name.dropFirst("user.ova.".count)), $0) }
            })
    }

    @Test("each is a file of exactly its bytes, with data, holes and attributes", arguments: [false, true])
    func files(isCompressed: Bool) throws {
        let disk = Self.gptDisk
        let appliance = try TestPackage.open(
            MemorySource(isCompressed ? Self.image(of: disk) : disk), named: "disk.img")
        let tree = try Self.tree(appliance)
        for (name, range) in [("1", 64 * 512..<128 * 512), ("2", 256 * 512..<1_024 * 512)] {
            let node = try #require(Self.node(".ova/partitions/disk/\(name)", in: tree))
            guard case .file(let source) = node.content else {
                Issue.record("no file")
                continue
            }
            #expect(source.byteCount == UInt64(range.count))
            #expect(try source.bytes(range.count, at: 0) == Array(disk[range]))
            #expect(throws: ReadError.self) { try source.bytes(1, at: UInt64(range.count)) }
        }
        let second = try #require(Self.node(".ova/partitions/disk/2", in: tree))
        guard case .file(let source) = second.content else { return }
        if isCompressed {
            #expect(second.allocatedByteCount == 128 * 512)
            #expect(try source.firstOffset(of: .data, in: 0..<source.byteCount) == 256 * 512)
            #expect(try source.firstOffset(of: .hole, in: 256 * 512..<source.byteCount) == 384 * 512)
            #expect(try source.searchStep(for: .data, in: 384 * 512..<source.byteCount) == .absent)
        }
        #expect(
            Self.values(second) == [
                "partition-table": "gpt", "partition-type": "04030201-0605-0807-090a-0b0c0d0e0f10",
                "partition-start": "131072", "partition-uuid": "14131211-1615-1817-191a-1b1c1d1e1f20",
                "sector-size": "512", "state": "ok",
            ])
        let first = try #require(Self.node(".ova/partitions/disk/1", in: tree))
        #expect(Self.values(first)["partition-name"] == "EFI System")
        #expect(Self.node(".ova/partitions/disk/3", in: tree) == nil)
        #expect(appliance.codes.isDisjoint(with: ["partition-table-damaged", "partition-outside"]))
    }

    @Test("an image of one file system, and a table that lists nothing, have no folder")
    func none() throws {
        for disk in [[UInt8](repeating: 3, count: 4_096), PartitionTableBuilder.bootRecord([(0xee, 1, 1)])] {
            let tree = try Self.tree(try TestPackage.open(MemorySource(disk), named: "disk.img"))
            #expect(Self.node("disk.raw", in: tree) != nil)
            #expect(Self.node(".ova/partitions", in: tree) == nil)
        }
    }

    @Test("the folder is the raw file's path without .raw, and equal names stay apart")
    func names() throws {
        var descriptor = TestDescriptor()
        let files = ["a/1.vmdk", "a.vmdk", "b.vmdk", "b.img", "x.raw", "y/x.raw"]
        for (index, file) in files.enumerated() { descriptor.addDisk("d\(index)", file: file) }
        var package = TestPackage(descriptor)
        let image = Self.image(of: Self.mbrDisk)
        for file in files { package.add(file, file.hasSuffix("vmdk") ? image : Self.mbrDisk) }
        let appliance = try package.open()
        let tree = try Self.tree(appliance)
        let folders = appliance.disks.map { disk in
            String(decoding: disk.partitions?.folder.joinedBySlashes ?? [], as: UTF8.self)
        }
        #expect(folders == ["a/1", "a~2", "b.vmdk", "b.img", "x", "y/x"])
        for (folder, file) in zip(folders, files) {
            let node = try #require(Self.node(".ova/partitions/\(folder)/1", in: tree), "\(file)")
            #expect(node.byteCount == 5_120)
        }
        let summary = ApplianceSummary(of: appliance)
        #expect(summary.disks.map { $0.partitionFolder?.text } == folders.map { ".ova/partitions/\($0)" })
    }

    @Test("trouble with a table is a finding, and the disk is as it should be")
    func trouble() throws {
        var damaged = Self.gptDisk
        damaged[512 + 57] ^= 1
        var cut = Self.mbrDisk
        cut.put(PartitionTableBuilder.bootRecord([(0x83, 2, 10), (0x83, 100, 100), (0x83, 4, 3)]), at: 0)
        var hybrid = Self.gptDisk
        hybrid.put(PartitionTableBuilder.bootRecord([(0xee, 1, 9), (0x83, 100, 100)]), at: 0)
        for (disk, codes) in [
            (damaged, ["partition-table-damaged"]), (cut, ["partition-outside", "partition-overlap"]),
            (hybrid, ["partition-table-hybrid"]),
        ] {
            let appliance = try TestPackage.open(MemorySource(disk), named: "disk.img")
            #expect(appliance.codes == Set(codes))
            // Of which mount warns, too.
            #expect(
                appliance.problems.map(\.message) == appliance.findings.map { "disk disk.img: \($0.message)" }
            )
            #expect(appliance.disks[0].warnings.isEmpty)
            #expect(try appliance.disks[0].source?.bytes(disk.count, at: 0) == disk)
        }
        let tree = try Self.tree(try TestPackage.open(MemorySource(cut), named: "disk.img"))
        let node = try #require(Self.node(".ova/partitions/disk/2", in: tree))
        #expect(node.byteCount == 28 * 512)
        #expect(Self.values(node)["state"] == "the disk ends \(72 * 512) bytes before it does")
    }

    @Test("a first sector that cannot be read leaves the disk without partitions, and nothing else")
    func unreadable() throws {
        // The first grain's data is damaged.
        let built = StreamOptimizedBuilder(GrainContent.grains(of: Self.gptDisk, byteCount: 8_192)).build()
        var bytes = built.bytes
        bytes[built.grainOffset(0) + 20] ^= 0xff
        let appliance = try TestPackage.open(MemorySource(bytes), named: "disk.img")
        #expect(appliance.codes == ["partition-table-unreadable"])
        #expect(
            try appliance.disks[0].source?.bytes(100, at: 32_768) == Array(Self.gptDisk[32_768..<32_868]))
        #expect(appliance.disks[0].partitions == nil)
    }

    @Test("the log of a damaged partition names the bytes of the disk")
    func damage() throws {
        let built = StreamOptimizedBuilder(GrainContent.grains(of: Self.gptDisk, byteCount: 8_192)).build()
        var bytes = built.bytes
        // The grain of guest bytes 262,144 to 270,335, which are bytes 131,072 and on of partition 2.
        bytes[built.grainOffset(32) + 20] ^= 0xff
        let tree = try Self.tree(try TestPackage.open(MemorySource(bytes), named: "disk.img"))
        let node = try #require(Self.node(".ova/partitions/disk/2", in: tree))
        guard case .file(let source) = node.content else { return }
        let error = try #require(throws: ReadError.self) { try source.bytes(100, at: 131_100) }
        let place = node.attributes.placeOfError?(error, 131_100..<131_200)
        #expect(place?.contains("guest bytes 262144 to 270335") == true, "\(place ?? "nil")")
        #expect(try source.bytes(100, at: 139_264) == Array(Self.gptDisk[270_336..<270_436]))
    }

    @Test("opening reads a table with few small reads")
    func cost() throws {
        let plain = CountingSource(MemorySource([UInt8](repeating: 0, count: 1 << 20)))
        _ = try TestPackage.open(plain, named: "disk.img")
        let counted = CountingSource(MemorySource(Self.gptDisk))
        _ = try TestPackage.open(counted, named: "disk.img")
        #expect(counted.readCount - plain.readCount == 2)
        #expect(counted.bytesRead - plain.bytesRead == 512 + 16_384)
    }

    @Test("what all partitions take is bounded, and what does not fit is named")
    func budget() throws {
        var disk = [UInt8](repeating: 0, count: 4 << 20)
        var table = PartitionTableBuilder.GPT((0..<4_096).map { .init(2_000 + $0, 2_000 + $0) })
        table.entryCount = 4_096
        table.write(onto: &disk)
        var descriptor = TestDescriptor()
        for index in 0..<40 { descriptor.addDisk("d\(index)", file: "disk.img") }
        let appliance = try TestPackage(descriptor, ("disk.img", disk)).open()
        let shown = appliance.disks.count { $0.partitions != nil }
        #expect(shown >= 1 && shown < 9)
        #expect(appliance.disks.allSatisfy { $0.source?.byteCount == 4 << 20 })
        let refused = appliance.findings.filter { $0.code == "partition-table-unreadable" }
        #expect(refused.count == 40 - shown)
        #expect(refused.allSatisfy { $0.remedy == .openMemory })
        // The tree has room for what was promised.
        let tree = try Self.tree(appliance)
        #expect(tree.nodes.count > shown * 4_096)
    }
}
