// What `ovafs verify` has to report though it can be read, each kind with a package that shows it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

@Suite("What is questionable")
struct QuestionableTests {
    private static let image = TestPackage.smallImage

    /// A package of one disk that differs from a good one in what the arguments say.
    private static func package(
        fileAttributes: String = "", attributes: String = "", capacity: Int = image.guest.count,
        disk: [UInt8] = image.bytes
    ) -> TestPackage {
        var descriptor = TestDescriptor()
        descriptor.addDisk(
            "disk1", file: "disk.vmdk", capacity: capacity, fileAttributes: fileAttributes,
            attributes: attributes)
        return TestPackage(descriptor, ("disk.vmdk", disk))
    }

    @Test("is nothing about a package in order")
    func nothing() throws {
        var package = Self.package(
            fileAttributes: "ovf:size=\"\(Self.image.bytes.count)\"",
            attributes: """
                ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"
                """)
        package.addManifest()
        let findings = try package.open().findings.map(\.text)
        #expect(findings == [])
    }

    @Test("a wrong ovf:size, capacity and format are, each with the line and what is right")
    func descriptor() throws {
        let findings = try Self.package(
            fileAttributes: "ovf:size=\"7\"",
            attributes: "ovf:format=\"http://www.gnome.org/~markmc/qcow-image-format.html\"", capacity: 512
        ).open().findings
        let size = try #require(findings.first { $0.code == "file-size-wrong" })
        #expect(size.line == 3 && size.message.contains("\(Self.image.bytes.count)"))
        let capacity = try #require(findings.first { $0.code == "capacity-wrong" })
        #expect(capacity.disk == "disk1" && capacity.message.contains("\(Self.image.guest.count)"))
        let format = try #require(findings.first { $0.code == "format-wrong" })
        #expect(format.disk == "disk1" && format.message.contains("vmdk-streamOptimized"))
    }

    @Test("a descriptor behind a disk is")
    func descriptorLast() throws {
        var package = Self.package()
        package.members.reverse()
        #expect(try package.open().codes.contains("descriptor-not-first"))
    }

    @Test("files in another order than the References are, and a manifest between files")
    func order() throws {
        var descriptor = TestDescriptor()
        for name in ["a", "b", "c"] { descriptor.addDisk(name, file: "\(name).vmdk") }
        func finding(_ names: [String]) throws -> String? {
            var package = TestPackage()
            package.add("vm.ovf", descriptor.text)
            for name in names { package.add(name, name == "vm.mf" ? [] : Self.image.bytes) }
            return try package.open().findings.first { $0.code == "member-order" }?.message
        }
        #expect(try finding(["a.vmdk", "b.vmdk", "c.vmdk"]) == nil)
        #expect(try finding(["vm.mf", "a.vmdk", "b.vmdk", "c.vmdk"]) == nil)
        #expect(try finding(["a.vmdk", "b.vmdk", "c.vmdk", "vm.mf"]) == nil)
        #expect(try finding(["a.vmdk", "c.vmdk", "b.vmdk"])?.contains("\"c.vmdk\" is stored before") == true)
        #expect(try finding(["a.vmdk", "vm.mf", "b.vmdk", "c.vmdk"])?.contains("\"vm.mf\"") == true)
    }

    @Test(
        "a digest that is missing, spelled unusually, weak, double or of no file is, and a line that is none")
    func manifest() throws {
        var package = Self.package()
        let zeros = String(repeating: "0", count: 64)
        package.add(
            "vm.mf",
            """
            SHA-256(vm.ovf)= \(zeros)
            SHA256(vm.ovf)= \(zeros)
            MD5(absent.iso)= \(zeros.prefix(32))
            SHA256(vm.mf)= \(zeros)
            what is this

            """)
        let codes = try package.open().codes
        #expect(
            codes.isSuperset(of: [
                "manifest-spelling", "manifest-duplicate", "manifest-weak-digest", "manifest-file-absent",
                "manifest-lists-itself", "manifest-line-unreadable", "manifest-unlisted",
            ]))
        #expect(try Self.package().open().findings.map(\.code) == ["manifest-missing"])
    }

    @Test("members of one name, hostile names and links are")
    func names() throws {
        var tar = TarBuilder()
        tar.add("vm.ovf", Array(Self.descriptorText.utf8))
        tar.add("disk.vmdk", Self.image.bytes)
        tar.add("disk.vmdk", [1, 2, 3])
        tar.add("../../etc/passwd", [1])
        tar.add("link", type: "2", link: "/etc/passwd")
        tar.finish()
        let appliance = try TestPackage.open(MemorySource(tar.bytes))
        #expect(appliance.codes.isSuperset(of: ["member-duplicate", "name-hostile", "member-skipped"]))
        let disk = try #require(appliance.disks.first?.source)
        #expect(try disk.bytes(Self.image.guest.count, at: 0) == Self.image.guest)
    }

    private static var descriptorText: String {
        var descriptor = TestDescriptor()
        descriptor.addDisk("disk1", file: "disk.vmdk", capacity: image.guest.count)
        return descriptor.text
    }

    @Test("a file that is not there, a chunk that is not, and a disk that cannot be decoded for it are")
    func missingParts() throws {
        var descriptor = TestDescriptor()
        descriptor.addDisk("gone", file: "gone.vmdk")
        descriptor.addDisk(
            "pieces", file: "p.vmdk", fileAttributes: "ovf:chunkSize=\"512\" ovf:size=\"1536\"")
        var package = TestPackage(descriptor)
        package.add("p.vmdk.000000000", [UInt8](repeating: 0, count: 512))
        package.add("p.vmdk.000000002", [UInt8](repeating: 0, count: 512))
        let findings = try package.open().findings
        #expect(Set(findings.map(\.code)).isSuperset(of: ["file-missing", "chunk-missing"]))
        #expect(findings.filter { $0.code == "disk-not-decoded" }.map(\.disk) == ["gone", "pieces"])
    }

    @Test("a member that a ustar header cannot express is")
    func ustarLimit() throws {
        var tar = TarBuilder()
        tar.add("vm.ovf", Array(Self.descriptorText.utf8))
        tar.add(Array("disk.vmdk".utf8), Self.image.bytes, sizeField: TarBuilder.base256(1 << 33))
        let codes = try TestPackage.open(MemorySource(tar.bytes)).codes
        #expect(codes.isSuperset(of: ["member-over-ustar-limit", "member-cut-short"]))
    }

    @Test("guest data that looks like another disk image is")
    func guestImage() throws {
        var built = MonolithicSparseBuilder([.text, .absent, .text]).build()
        #expect(try Self.package(capacity: built.guest.count, disk: built.bytes).open().codes.count == 1)
        // The guest's first grain is stored as it is: make it the header of a qcow2.
        let header: [UInt8] = [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]
        built.bytes.replaceSubrange(
            built.grainOffset(0)..<(built.grainOffset(0) + header.count), with: header)
        let appliance = try Self.package(capacity: built.guest.count, disk: built.bytes).open()
        let finding = try #require(appliance.findings.first { $0.code == "guest-looks-like-image" })
        #expect(finding.disk == "disk1" && finding.message.contains("-f raw"))
        #expect(try appliance.disks[0].source?.bytes(8, at: 0) == header)
    }

    @Test("nothing is reported twice: what is about drives and controllers neither")
    func once() throws {
        var descriptor = TestDescriptor()
        descriptor.addDisk("disk1", file: "disk.vmdk", capacity: Self.image.guest.count)
        descriptor.items +=
            TestDescriptor.diskItem("disk1", unit: 0) + TestDescriptor.diskItem("none", unit: 7)
        descriptor.items += """
            <Item><rasd:InstanceID>9</rasd:InstanceID><rasd:ResourceType>17</rasd:ResourceType>\
            <rasd:HostResource>ovf:/disk/disk1</rasd:HostResource><rasd:Parent>99</rasd:Parent></Item>
            """
        let findings = try TestPackage(descriptor, ("disk.vmdk", Self.image.bytes)).open().findings
        let texts = findings.map { "\($0.code) \($0.line ?? 0) \($0.message)" }
        #expect(Set(texts).count == texts.count, "\(texts)")
        let codes = Set(findings.map(\.code))
        #expect(codes.isSuperset(of: ["controller-missing", "bus-address-shared", "host-resource-dangling"]))
    }

    @Test("a disk that more memory would open says so, leniently opened or not", arguments: [false, true])
    func memoryRemedy(isLenient: Bool) throws {
        var descriptor = TestDescriptor()
        descriptor.addDisk("disk1", file: "disk.vmdk.gz", capacity: Self.image.guest.count)
        let package = TestPackage(descriptor, ("disk.vmdk.gz", GzipCompressor.compress(Self.image.bytes)))
        let limits = stride(from: UInt64(4) << 10, through: 1 << 20, by: 4 << 10)
        let remedies = limits.lazy.compactMap { limit -> Remedy? in
            var options = ApplianceOptions()
            options.isLenient = isLenient
            options.openingByteLimit = limit
            let source = ApplianceSource.file(
                MemorySource(package.archive), name: Array("vm.ova".utf8), modificationTime: 0)
            guard let disk = try? Appliance.open(source, options: options).disks.first,
                case .unreadable(_, let remedy) = disk.content
            else { return nil }
            return remedy
        }
        #expect(remedies.first { _ in true } == .openMemory)
    }
}
