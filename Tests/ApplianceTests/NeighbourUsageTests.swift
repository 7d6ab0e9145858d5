// What counts as used by a disk that builds on another one.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

@Suite("Files that disks lead to")
struct NeighbourUsageTests {
    private static func identifier(_ byte: UInt8) -> [UInt8] { Array(repeating: byte, count: 16) }

    /// A VDI and its child, a file that sorts before both, and one behind them; what is in the manifest but `unlisted`.
    static func package(unlisted: Set<String> = []) -> TestPackage {
        var base = VDIBuilder([.text, .noise])
        base.creation = identifier(1)
        base.modification = identifier(2)
        var child = VDIBuilder([.absent, .text])
        child.type = 4
        child.parentCreation = identifier(1)
        child.parentModification = identifier(2)
        var descriptor = TestDescriptor()
        descriptor.addDisk("disk1", file: "child.vdi")
        var package = TestPackage(
            descriptor, ("child.vdi", child.build().bytes), ("base.vdi", base.build().bytes),
            ("a.txt", [1, 2, 3]), ("z.txt", [4]))
        let all = package.members
        package.members.removeAll { unlisted.contains(String(decoding: $0.name, as: UTF8.self)) }
        package.addManifest()
        let manifest = package.members.removeLast()
        package.members = all + [manifest]
        return package
    }

    @Test("the parent is used; what was looked at to find it is not")
    func found() throws {
        let package = Self.package(unlisted: ["a.txt", "z.txt"])
        let appliance = try package.open()
        #expect(appliance.rawPaths == ["child.raw"])
        #expect(FailOpenTests.report(appliance).failures == [])
        let withoutParent = FailOpenTests.report(try Self.package(unlisted: ["base.vdi"]).open())
        #expect(withoutParent.failures.map(\.code) == [.fileUnlisted])
        #expect(withoutParent.failures.first?.message.contains("\"base.vdi\"") == true)
    }

    @Test(
        "the files that a disk is read from are listed, with their use; parts count as stored, parents do not"
    )
    func files() throws {
        let package = Self.package()
        let child = ApplianceSummary(of: try package.open()).disks[0]
        let base = try #require(package.members.first { $0.name == Array("base.vdi".utf8) })
        #expect(child.files.map(\.name) == ["base.vdi"] && child.files.map(\.use) == [.parent])
        #expect(child.files.map(\.size) == [UInt64(base.bytes.count)])
        let own = try #require(package.members.first { $0.name == Array("child.vdi".utf8) })
        #expect(child.storedSize == UInt64(own.bytes.count))

        let (descriptor, parts) = Self.partedDisk(2)
        let parted = try TestPackage.open(
            MemorySource(Self.archive([("d.vmdk", descriptor)] + parts)), lenient: true)
        let disk = try #require(ApplianceSummary(of: parted).disks.first { $0.id == "d.vmdk" })
        #expect(disk.files.map(\.name) == ["f0.bin", "f1.bin"] && disk.files.map(\.use) == [.part, .part])
        #expect(disk.storedSize == UInt64(descriptor.count) + 2 * 512)
        #expect(ApplianceSummary(of: try TestPackage.simple().open()).disks[0].files.isEmpty)
    }

    @Test("disks times their files are listed as far as there is memory for that, and are all decoded")
    func manyFiles() throws {
        let (image, parts) = Self.partedDisk(500)
        var descriptor = TestDescriptor()
        descriptor.files = "<File ovf:id=\"f\" ovf:href=\"d.vmdk\"/>"
        for index in 0..<200 { descriptor.disks += "<Disk ovf:diskId=\"d\(index)\" ovf:fileRef=\"f\"/>" }
        let members = [("vm.ovf", Array(descriptor.text.utf8)), ("d.vmdk", image)] + parts
        var options = ApplianceOptions()
        options.openingByteLimit = 24 << 20
        let appliance = try Appliance.open(
            .file(MemorySource(Self.archive(members)), name: Array("vm.ova".utf8), modificationTime: 0),
            options: options)
        let disks = ApplianceSummary(of: appliance).disks
        #expect(disks.count == 200 && disks.allSatisfy { $0.error == nil })
        let listed = disks.filter { !$0.files.isEmpty }
        #expect((1..<200).contains(listed.count) && listed.allSatisfy { $0.files.count == 500 })
        #expect(appliance.codes.contains("more-findings"))
        #expect(disks.allSatisfy { $0.storedSize == UInt64(image.count) + 500 * 512 })
    }

    /// A VMDK descriptor of a disk of `count` flat files of a sector each, and these.
    private static func partedDisk(_ count: Int) -> (descriptor: [UInt8], parts: [(String, [UInt8])]) {
        let extents = (0..<count).map { "RW 1 FLAT \"f\($0).bin\" 0\n" }.joined()
        let text = """
            # Disk DescriptorFile
            version=1
            CID=fffffffe
            parentCID=ffffffff
            createType="twoGbMaxExtentFlat"
            \(extents)
            """
        return (Array(text.utf8), (0..<count).map { ("f\($0).bin", [UInt8](repeating: 7, count: 512)) })
    }

    private static func archive(_ members: [(String, [UInt8])]) -> [UInt8] {
        var package = TestPackage()
        for (name, bytes) in members { package.add(name, bytes) }
        return package.archive
    }

    @Test("disks without a file, and disks of one file with several parents, share what they are opened from")
    func shared() throws {
        let image = MonolithicSparseBuilder(GrainContent.mixed(10)).build()
        let first = [UInt8](repeating: 0x11, count: image.guest.count)
        let second = [UInt8](repeating: 0x22, count: image.guest.count)
        var descriptor = TestDescriptor()
        descriptor.addDisk("p1", file: "p1.raw")
        descriptor.addDisk("p2", file: "p2.raw")
        let capacity = "ovf:capacity=\"\(image.guest.count)\""
        descriptor.files += "<File ovf:id=\"child\" ovf:href=\"c.vmdk\"/>"
        for (id, parent, file) in [
            ("c1", "p1", "ovf:fileRef=\"child\""), ("c2", "p2", "ovf:fileRef=\"child\""),
            ("b1", "c1", ""), ("b2", "c2", ""), ("b3", "c2", ""),
        ] {
            descriptor.disks += "<Disk ovf:diskId=\"\(id)\" \(file) \(capacity) ovf:parentRef=\"\(parent)\"/>"
        }
        let appliance = try TestPackage(
            descriptor, ("p1.raw", first), ("p2.raw", second), ("c.vmdk", image.bytes)
        ).open()
        func expected(over parent: [UInt8]) -> [UInt8] {
            var bytes = image.guest
            for (index, content) in GrainContent.mixed(10).enumerated() where content == .absent {
                let grain = index * image.grainByteCount..<(index + 1) * image.grainByteCount
                bytes.replaceSubrange(grain, with: parent[grain])
            }
            return bytes
        }
        let wanted = [first, second] + [first, second, first, second, second].map { expected(over: $0) }
        try #require(appliance.disks.count == wanted.count)
        for (disk, bytes) in zip(appliance.disks, wanted) {
            guard case .decoded(let guest) = disk.content else {
                Issue.record("\(disk.identifier): \(disk.content)")
                continue
            }
            #expect(try guest.bytes(bytes.count, at: 0) == bytes, "\(disk.identifier)")
        }
    }
}
