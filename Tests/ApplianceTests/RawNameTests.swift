// Tests of the names of raw files, and of links' folders: what they are, and that each is its own.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import FileTree
import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

@Suite("Names of raw files")
struct RawNameTests {
    @Test(
        "the extensions that say how a disk is stored are left out",
        arguments: [
            ("disk1.vmdk", "disk1.raw"), ("disk1.vmdk.gz", "disk1.raw"), ("disk1.VMDK.GZ", "disk1.raw"),
            ("release-1.2", "release-1.2.raw"), ("disk", "disk.raw"), (".hidden", ".hidden.raw"),
            ("a.b.c", "a.b.raw"), ("disk.gz", "disk.raw"), ("disk.notanextension", "disk.notanextension.raw"),
            ("dot.", "dot..raw"),
        ])
    func plain(stored: String, raw: String) {
        #expect(String(decoding: RawName.plain(for: Array(stored.utf8)), as: UTF8.self) == raw)
    }

    @Test("a file in pieces gives its name, also where there is one piece only", arguments: [1, 2, 3])
    func pieces(count: Int) throws {
        let image = TestPackage.smallImage.bytes
        let length = (image.count + count - 1) / count
        var descriptor = TestDescriptor()
        descriptor.addDisk(
            "d", file: "dir/d.vmdk", capacity: 20 * 8_192, fileAttributes: "ovf:chunkSize=\"\(length)\"")
        var package = TestPackage(descriptor)
        for (number, start) in stride(from: 0, to: image.count, by: length).enumerated() {
            package.add(
                "dir/d.vmdk.00000000\(number)", Array(image[start..<min(start + length, image.count)]))
        }
        let disk = try #require(try package.open().disks.first)
        #expect(disk.rawPath?.map { String(decoding: $0, as: UTF8.self) } == ["dir", "d.raw"])
        // One that is not in pieces is called what it is called.
        let plain = Self.package([("d", "d.raw.000000000")])
        #expect(try Self.copyNames(plain) == ["d.raw.000000000.raw"])
    }

    private static func package(_ disks: [(id: String, file: String?)], beside: [String] = []) -> TestPackage
    {
        var descriptor = TestDescriptor()
        for (id, file) in disks { descriptor.addDisk(id, file: file, capacity: 512) }
        var package = TestPackage(descriptor)
        for file in Set(disks.compactMap(\.file)).sorted() {
            package.add(file, TestPackage.smallImage.bytes)
        }
        for name in beside { package.add(name, [1, 2, 3]) }
        return package
    }

    private static func copyNames(_ package: TestPackage) throws -> [String?] {
        try package.open().disks.map { disk in disk.copyName.map { String(decoding: $0, as: UTF8.self) } }
    }

    @Test("each disk has a name of its own in one folder, whatever paths their names read like")
    func copyNames() throws {
        let names = try Self.copyNames(
            Self.package([("a", "a/b.img"), ("b", "c/b.img"), ("c", "a_b.img"), ("d", "d.img")]))
        #expect(names == ["a_b.raw~2", "c_b.raw", "a_b.raw", "d.raw"])
    }

    @Test("names of copies are as long as a name may be, and still differ")
    func longCopyNames() throws {
        let long = String(repeating: "x", count: 200)
        let paths = (0..<3).map { number in "\(long)/\(number)/\(long)/b.img" }
        var descriptor = TestDescriptor()
        for (number, path) in paths.enumerated() {
            descriptor.addDisk("d\(number)", file: path, capacity: 512)
        }
        var archive = TarBuilder()
        archive.add("vm.ovf", Array(descriptor.text.utf8))
        for path in paths {
            archive.addPax([("path", path)])
            archive.add("short", TestPackage.smallImage.bytes)
        }
        archive.finish()
        let appliance = try TestPackage.open(MemorySource(archive.bytes))
        let names = appliance.disks.compactMap(\.copyName)
        #expect(Set(names).count == 3)
        #expect(names.allSatisfy { $0.count <= 255 })
    }

    @Test("the raw file of an image with the longest of names has a name that a folder takes")
    func longImageName() throws {
        let name = String(repeating: "x", count: 255)
        let appliance = try TestPackage.open(MemorySource(TestPackage.smallImage.bytes), named: name)
        #expect(try #require(appliance.disks[0].rawPath?.first).count <= 255)
        #expect(appliance.disks[0].copyName == appliance.disks[0].rawPath?.first)
    }

    @Test("disks whose raw names would be the same keep their extensions")
    func collision() throws {
        let appliance = try Self.package([("a", "d.vmdk"), ("b", "d.vhd"), ("c", "e.vmdk")]).open()
        #expect(appliance.rawPaths == ["d.vmdk.raw", "d.vhd.raw", "e.raw"])
    }

    @Test("a member that is called like the raw file keeps its name, and the disk gets another")
    func memberInTheWay() throws {
        let appliance = try Self.package([("a", "d.vmdk")], beside: ["d.raw", "d.vmdk.raw"]).open()
        #expect(appliance.rawPaths == ["d.vmdk.raw~2"])
    }

    @Test("two disks of one file, and folders of equal names, have paths of their own")
    func folders() throws {
        let appliance = try Self.package([
            ("a", "x/d.vmdk"), ("b", "y/d.vmdk"), ("c", "x/d.vmdk"),
        ]).open()
        #expect(appliance.rawPaths[1] == "y/d.raw")
        #expect(Set(appliance.rawPaths).count == 3)
    }

    @Test(
        "an id that is no file name still gives a file of its own",
        arguments: [
            "../../etc/passwd", "a/b", ".", "..", "", String(repeating: "x", count: 300),
            String(repeating: "ü", count: 200), "line&#10;feed", ".ova",
        ])
    func hostileIdentifiers(id: String) throws {
        let appliance = try Self.package([(id, nil), ("other", nil)]).open()
        let paths = appliance.disks.compactMap(\.rawPath)
        #expect(Set(paths).count == 2)
        for path in paths {
            let name = try #require(path.last)
            #expect(path.count == 1 && (1...255).contains(name.count))
            #expect(!name.contains(0) && !name.contains(UInt8(ascii: "/")))
            #expect(name != Array(".".utf8) && name != Array("..".utf8))
        }
        let tree = try ApplianceTree.make(for: appliance, showsControlDirectory: true, liveStatistics: { [] })
        for path in paths { #expect(tree.node(at: path) != nil) }
    }

    @Test("ten thousand disks of one id are named in no time")
    func manyEqualIdentifiers() throws {
        var descriptor = TestDescriptor()
        for _ in 0..<10_000 { descriptor.addDisk("same", capacity: 512, isAttached: false) }
        let start = ContinuousClock.now
        let appliance = try TestPackage(descriptor).open()
        #expect(Set(appliance.rawPaths).count == 10_000)
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test("ten thousand drives without a place get the next free one in no time")
    func manyDrivesWithoutUnit() throws {
        let item = """
            <Item><rasd:InstanceID>9</rasd:InstanceID><rasd:ResourceType>17</rasd:ResourceType>\
            <rasd:Parent>3</rasd:Parent></Item>
            """
        var descriptor = TestDescriptor()
        descriptor.addDisk("a", capacity: 512)
        descriptor.items += String(repeating: item, count: 10_000)
        let start = ContinuousClock.now
        let layout = try #require(try TestPackage(descriptor).open().layout)
        #expect(layout.systems[0].drives.compactMap(\.unit) == Array(0...10_000))
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test("folders of systems have names of their own, and none leads out")
    func fileNames() {
        var names = FileNames()
        let given = [
            "a", "a", "a~2", "../x", "", ".", "..", "\u{1b}[31m", String(repeating: "x", count: 500),
        ]
        .map { names.name(for: $0) }
        #expect(given[0] == "a" && given[1] == "a~2" && given[2] != "a~2")
        #expect(Set(given).count == given.count)
        for name in given {
            #expect(!name.contains("/") && name != "." && name != ".." && !name.isEmpty)
            #expect(name.utf8.count <= 255 && !name.unicodeScalars.contains { $0.value < 0x20 })
        }
    }

    @Test("a format's URL contradicts another format, and one that names none contradicts nothing")
    func formatHint() {
        let stream = FormatHint("http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized")
        #expect(!stream.contradicts(.vmdkStreamOptimized))
        #expect(stream.contradicts(.raw) && stream.contradicts(.vmdkMonolithicSparse))
        #expect(FormatHint("http://x/qcow-image-format.html").contradicts(.raw))
        for format in [DiskFormat.raw, .vmdkStreamOptimized, .vmdkMonolithicSparse] {
            #expect(
                !FormatHint("").contradicts(format) && !FormatHint("http://example.org/").contradicts(format))
        }
    }
}
