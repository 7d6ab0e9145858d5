// Members that hrefs point at in ways that nobody means: none vanishes from the tree.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

@Suite("The members of a package")
struct VisibleMembersTests {
    private static let image = TestPackage.smallImage.bytes

    private static func names(_ appliance: Appliance) throws -> Set<String> {
        let tree = try ApplianceTree.make(
            for: appliance, showsControlDirectory: false, liveStatistics: { [] })
        let candidates =
            (appliance.package?.members ?? []).map(\.components) + appliance.disks.compactMap(\.rawPath)
        return Set(
            candidates.filter { tree.node(at: $0) != nil }.map { path in
                path.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
            })
    }

    @Test(
        "stay visible where a disk's href names the descriptor, the manifest or the certificate",
        arguments: [
            "vm.ovf", "vm.mf", "vm.cert", "./vm.ovf", "x/vm.ovf",
        ])
    func roles(href: String) throws {
        var descriptor = TestDescriptor()
        descriptor.addDisk("good", file: "disk.vmdk")
        descriptor.addDisk("bad", file: href, capacity: 512)
        var package = TestPackage(descriptor, ("disk.vmdk", Self.image))
        if href != "x/vm.ovf" {
            package.addManifest()
            package.add("vm.cert", "x")
        }
        let appliance = try package.open()
        #expect(appliance.rawPaths == ["disk.raw", nil])
        let shown = Set(package.members.map { String(decoding: $0.name, as: UTF8.self) })
        #expect(try Self.names(appliance) == shown.subtracting(["disk.vmdk"]).union(["disk.raw"]))
        let finding = try #require(appliance.findings.first { $0.code == "disk-not-decoded" })
        #expect(finding.message.contains("is the package's "))
    }

    @Test("stay visible where a descriptor that is an image is decoded, leniently")
    func descriptorThatIsAnImage() throws {
        var package = TestPackage()
        package.add("vm.ovf", Self.image)
        let appliance = try package.open(lenient: true)
        #expect(try Self.names(appliance) == ["vm.ovf", "vm.raw"])
    }

    @Test("stay visible where a chunk of a disk is another File, too; two disks of one file hide it once")
    func chunkThatIsAnother() throws {
        let half = Self.image.count / 2
        var descriptor = TestDescriptor()
        descriptor.addDisk(
            "pieces", file: "p", fileAttributes: "ovf:chunkSize=\"\(Self.image.count - half)\"")
        descriptor.addDisk("one", file: "disk.vmdk")
        descriptor.addDisk("two", file: "disk.vmdk")
        descriptor.files += "<File ovf:id=\"iso\" ovf:href=\"p.000000001\"/>"
        let package = TestPackage(
            descriptor, ("p.000000000", Array(Self.image.prefix(Self.image.count - half))),
            ("p.000000001", Array(Self.image.suffix(half))), ("disk.vmdk", Self.image))
        let appliance = try package.open()
        #expect(appliance.rawPaths[0] == "p.raw")
        #expect(
            try Self.names(appliance)
                == Set(["vm.ovf", "p.000000001"] + appliance.rawPaths.compactMap { $0 }))
        #expect(appliance.rawPaths.compactMap { $0 }.count == 3)
    }

    @Test("a chunk of another length keeps its disk from being decoded, and the reason names it")
    func wrongChunk() throws {
        var descriptor = TestDescriptor()
        descriptor.addDisk("pieces", file: "p", fileAttributes: "ovf:chunkSize=\"512\"")
        let package = TestPackage(
            descriptor, ("p.000000000", [UInt8](repeating: 1, count: 512)),
            ("p.000000001", [UInt8](repeating: 2, count: 511)),
            ("p.000000002", [UInt8](repeating: 3, count: 512)))
        for isLenient in [false, true] {
            let appliance = try package.open(lenient: isLenient)
            #expect(appliance.rawPaths == [nil])
            let finding = try #require(appliance.findings.first { $0.code == "disk-not-decoded" })
            #expect(finding.message.contains("p.000000001"))
            #expect(try Self.names(appliance).count == 4)
        }
    }

    @Test(
        "of a drive at an address that an earlier one has lead nowhere, also where the earlier disk is missing"
    )
    func sharedAddress() throws {
        var descriptor = TestDescriptor()
        descriptor.addDisk("boot", file: "gone.vmdk", isAttached: false)
        descriptor.addDisk("data", file: "disk.vmdk", isAttached: false)
        descriptor.items = TestDescriptor.diskItem("boot", unit: 0) + TestDescriptor.diskItem("data", unit: 0)
        let appliance = try TestPackage(descriptor, ("disk.vmdk", Self.image)).open()
        let tree = try ApplianceTree.make(for: appliance, showsControlDirectory: true, liveStatistics: { [] })
        let control = Array(".ova".utf8)
        #expect(tree.node(at: [control, Array("root-disk".utf8)]) == nil)
        #expect(tree.node(at: [control, Array("by-bus".utf8), Array("scsi0:0".utf8)]) == nil)
        #expect(appliance.codes.contains("root-disk-missing"))
        #expect(ApplianceSummary(of: appliance).disks.allSatisfy { !$0.isRoot })
    }

    @Test("properties are only what Nova knows: no bus that it refuses, and its own names of adapters")
    func properties() throws {
        func properties(_ controller: String, _ network: String) throws -> Set<String> {
            let items = """
                <Item><rasd:InstanceID>3</rasd:InstanceID>\(controller)</Item>\(TestDescriptor.diskItem("d", unit: 0))
                <Item><rasd:InstanceID>9</rasd:InstanceID><rasd:ResourceType>10</rasd:ResourceType>\
                <rasd:ResourceSubType>\(network)</rasd:ResourceSubType></Item>
                """
            var descriptor = TestDescriptor()
            descriptor.addDisk("d", file: "disk.vmdk", isAttached: false)
            descriptor.content = """
                <VirtualSystem ovf:id="vm"><VirtualHardwareSection>\(items)</VirtualHardwareSection></VirtualSystem>
                """
            let appliance = try TestPackage(descriptor, ("disk.vmdk", Self.image)).open()
            let text = String(decoding: GlanceProperties(of: appliance).text, as: UTF8.self)
            return Set(text.split(separator: "\n").map(String.init).filter { $0.hasPrefix("hw_") })
        }
        let scsi =
            "<rasd:ResourceType>6</rasd:ResourceType><rasd:ResourceSubType>lsilogic</rasd:ResourceSubType>"
        #expect(
            try properties(scsi, "VmxNet3") == [
                "hw_disk_bus=scsi", "hw_scsi_model=lsilogic", "hw_vif_model=vmxnet3",
            ])
        let sata =
            "<rasd:ResourceType>20</rasd:ResourceType><rasd:ResourceSubType>AHCI</rasd:ResourceSubType>"
        #expect(try properties(sata, "E1000e") == ["hw_disk_bus=sata", "hw_vif_model=e1000e"])
        let nvme =
            "<rasd:ResourceType>20</rasd:ResourceType><rasd:ResourceSubType>vmware.nvme.controller</rasd:ResourceSubType>"
        #expect(try properties(nvme, "PCNet32") == ["hw_vif_model=pcnet"])
        let ide = "<rasd:ResourceType>5</rasd:ResourceType>"
        #expect(try properties(ide, "Ensoniq1371") == ["hw_disk_bus=ide"])
    }
}
