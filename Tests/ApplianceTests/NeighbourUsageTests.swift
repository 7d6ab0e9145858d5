// What counts as used by a disk that builds on another one.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

@Suite("Files that disks lead to")
struct NeighbourUsageTests {
    private static func identifier(_ byte: UInt8) -> [UInt8] { Array(repeating: byte, count: 16) }

    /// A VDI and its child, a file that sorts before both, and one behind them; what is in the manifest but `unlisted`.
    private static func package(unlisted: Set<String>) -> TestPackage {
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
