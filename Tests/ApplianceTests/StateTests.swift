// Tests of `user.ova.state`: what is known of a file of a mount.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import TestSupport
import Testing

@testable import Appliance

@Suite("The state of a disk")
struct StateTests {
    private static func state(_ path: String, _ tree: FileTree) throws -> String? {
        let node = try #require(PartitionFileTests.node(path, in: tree))
        return node.extendedAttributes.first { $0.name == "user.ova.state" }?.value()
    }

    private static let damage = ReadError.corrupt(record: "disk.img", offset: 7, reason: "not a grain")

    @Test("is ok until a read meets damage, and then says the first; a partition's damage is the disk's, too")
    func met() throws {
        let tree = try PartitionFileTests.tree(
            try TestPackage.open(MemorySource(PartitionFileTests.gptDisk), named: "disk.img"))
        let (disk, first, second) = ("disk.raw", ".ova/partitions/disk/1", ".ova/partitions/disk/2")
        for path in [disk, first, second] { #expect(try Self.state(path, tree) == "ok") }
        let node = try #require(PartitionFileTests.node(first, in: tree))
        // What is no damage says nothing of the bytes.
        node.attributes.noteError?(.remote(source: "x", reason: "slow"))
        #expect(try Self.state(first, tree) == "ok")
        node.attributes.noteError?(Self.damage)
        node.attributes.noteError?(.corrupt(record: "disk.img", offset: 9, reason: "another"))
        for path in [disk, first] {
            #expect(try Self.state(path, tree) == "damaged: disk.img at byte 7: not a grain")
        }
        #expect(try Self.state(second, tree) == "ok")
    }

    @Test("a source that has changed concerns all that is read from it, whichever file met that")
    func changed() throws {
        let parts = { try TestPackage.open(MemorySource(PartitionFileTests.gptDisk), named: "disk.img") }
        let image = { try SnapshotFileTests.appliance([Array("one".utf8)]) }
        for (open, part) in [(parts, ".ova/partitions/disk/1"), (image, ".ova/snapshots/disk/one.raw")] {
            for (met, damaged) in [("disk.raw", part), (part, part)] {
                let tree = try PartitionFileTests.tree(try open())
                let node = try #require(PartitionFileTests.node(met, in: tree))
                node.attributes.noteError?(.stale(source: "x.img"))
                let words = "changed: x.img was changed or replaced after it was opened"
                for path in ["disk.raw", part] { #expect(try Self.state(path, tree) == words) }
                let other = try #require(PartitionFileTests.node(damaged, in: tree))
                other.attributes.noteError?(Self.damage)
                #expect(try Self.state(damaged, tree)?.hasPrefix("\(words); damaged: ") == true)
            }
        }
    }

    @Test("of a snapshot is its own")
    func snapshot() throws {
        let tree = try PartitionFileTests.tree(try SnapshotFileTests.appliance([Array("one".utf8)]))
        let path = ".ova/snapshots/disk/one.raw"
        #expect(try Self.state(path, tree) == "ok")
        try #require(PartitionFileTests.node(path, in: tree)).attributes.noteError?(Self.damage)
        #expect(try Self.state(path, tree)?.hasPrefix("damaged: ") == true)
        #expect(try Self.state("disk.raw", tree) == "ok")
    }

    @Test(
        "is what is questionable from the start, a partition table that cannot be read too, of which mount warns"
    )
    func known() throws {
        var built = StreamOptimizedBuilder(
            GrainContent.grains(of: PartitionFileTests.gptDisk, byteCount: 8_192)
        ).build()
        // The grain that holds the table.
        let place = try #require(built.places.grains[0])
        for offset in place + 14..<place + 40 { built.bytes[offset] ^= 0x5a }
        let appliance = try TestPackage.open(MemorySource(built.bytes), named: "disk.vmdk")
        #expect(appliance.codes.contains("partition-table-unreadable"))
        let problems = appliance.problems.map(\.message)
        #expect(problems.contains { $0.hasPrefix("disk disk.vmdk: partition table: ") }, "\(problems)")
        let tree = try PartitionFileTests.tree(appliance)
        #expect(try Self.state("disk.raw", tree)?.hasPrefix("partition table: ") == true)
    }

    @Test("a disk without a byte is questionable")
    func empty() throws {
        let appliance = try TestPackage.open(MemorySource([]), named: "disk.img")
        #expect(appliance.findings.map(\.code) == ["image-questionable"])
        #expect(appliance.findings.first?.message.contains("empty") == true)
    }
}
