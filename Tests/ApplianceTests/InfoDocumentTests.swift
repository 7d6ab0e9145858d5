// docs/INFO.md has each field of the JSON, and none that there is not.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

@Suite("The document of the JSON")
struct InfoDocumentTests {
    private static func example(_ name: String) throws -> Appliance {
        try TestPackage.open(Project.open("Examples/" + name), named: name)
    }

    /// A package with something for every field of the summary.
    private static func everything() throws -> Appliance {
        var descriptor = TestDescriptor()
        descriptor.addDisk("first", file: "disk1.vmdk", capacity: 512)
        descriptor.addDisk("second", file: "disk2.vmdk", attributes: "ovf:boot=\"true\"")
        descriptor.addDisk("third", file: "absent.vmdk")
        descriptor.addDisk("fourth", file: "disk4.vmdk")
        descriptor.sections = """
            <NetworkSection><Info/><Network ovf:name="net"/></NetworkSection>
            <DeploymentOptionSection><Info/><Configuration ovf:id="small"/></DeploymentOptionSection>
            <gnt:GanetiSection><gnt:Version>0</gnt:Version></gnt:GanetiSection>
            """
        let items =
            descriptor.items + """
                <vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="efi"/>
                <Item><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType>\
                <rasd:VirtualQuantity>2</rasd:VirtualQuantity></Item>
                <Item><rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType>\
                <rasd:AllocationUnits>MiB</rasd:AllocationUnits>\
                <rasd:VirtualQuantity>512</rasd:VirtualQuantity></Item>
                <Item><rasd:InstanceID>9</rasd:InstanceID><rasd:ResourceType>10</rasd:ResourceType>\
                <rasd:ResourceSubType>E1000</rasd:ResourceSubType><rasd:Connection>net</rasd:Connection>\
                </Item>
                """
        let sections = """
            <OperatingSystemSection ovf:id="96" vmw:osType="debian12_64Guest"><Info/>\
            <Description>Debian</Description></OperatingSystemSection>
            <ProductSection><Info/><Product>P</Product></ProductSection>
            """
        descriptor.content = TestDescriptor.system("vm", items, sections)
        let image = TestPackage.smallImage.bytes
        // The fourth disk has lost its footer.
        var package = TestPackage(
            descriptor, ("disk1.vmdk", image), ("disk2.vmdk", image), ("disk4.vmdk", image.dropLast(1536)))
        package.addManifest()
        package.members.append(([0x66, 0xff], Array("no UTF-8".utf8)))
        // The last member is cut short.
        var archive = package.archive
        archive.removeLast(1024 + 510)
        return try Appliance.open(
            .remote(
                MemorySource(archive), name: Array("vm.ova".utf8), modificationTime: 0,
                image: ImageRecord(
                    id: "1", name: "vm", containerFormat: "ova", diskFormat: "vmdk",
                    digest: ImageDigest(algorithm: "sha512", digits: "00"),
                    properties: [.init(name: "p", value: "v")])), options: ApplianceOptions())
    }

    /// The fields of disks with partitions, snapshots, a parent and the file of one.
    private static func parts(_ names: Set<String>) throws -> Set<String> {
        var cut = PartitionFileTests.gptDisk
        PartitionTableBuilder.GPT([.init(64, 9_999, name: "cut")]).write(onto: &cut)
        let disks = [
            try TestPackage.open(MemorySource(cut), named: "disk.img"),
            try SnapshotFileTests.appliance([Array("one".utf8)]), try NeighbourUsageTests.package().open(),
        ]
        return try disks.reduce(into: []) { found, appliance in
            found.formUnion(try JSONPaths.all(of: ApplianceSummary(of: appliance).json(), leaves: names))
        }
    }

    private static func compare(_ section: String, _ found: Set<String>, documented: InfoDocument) throws {
        let fields = try #require(documented.fields[section])
        #expect(found.subtracting(fields).sorted() == [], "fields that docs/INFO.md does not have")
    }

    @Test("has every field of a summary", arguments: ["web-server.ova", "lab-vm.ova"])
    func examples(name: String) throws {
        let document = try InfoDocument()
        let json = ApplianceSummary(of: try Self.example(name)).json()
        try Self.compare(
            "The summary",
            JSONPaths.all(of: json, leaves: document.names["The summary"] ?? []), documented: document)
    }

    @Test("has no field that a summary never has")
    func summary() throws {
        let document = try InfoDocument()
        let names = try #require(document.names["The summary"])
        let json = ApplianceSummary(of: try Self.everything()).json()
        let found = try JSONPaths.all(of: json, leaves: names.union(["ganeti", "image.properties"])).union(
            Self.parts(names))
        let documented = try #require(document.fields["The summary"])
        // The fields of a name have a table of their own.
        #expect(found.sorted() == documented.subtracting(["text", "hex"]).sorted())
        #expect(documented.isSuperset(of: ["text", "hex"]))
    }

    @Test("has every field of a report, and no other")
    func report() throws {
        let document = try InfoDocument()
        let section = "The verification report"
        let names = try #require(document.names[section])
        let appliance = try Self.everything()
        let damage = DeepCheck.Damage(
            guestOffset: 0, byteCount: 512, error: .unsupported(feature: "the test's disk"))
        let report = VerificationReport(
            of: appliance, members: appliance.checkManifest(threadCount: 1), certificate: nil,
            image: try appliance.checkImageDigest(),
            disks: [
                VerificationReport.Disk(
                    id: "first", format: "qcow2", damages: [damage], count: 1,
                    snapshots: [
                        .init(
                            name: Name([0x61]), path: Name([0x62]), isOK: false, damages: [.init(damage)],
                            damageCount: 1)
                    ])
            ])
        var found = try JSONPaths.all(of: report.json(), leaves: names)
        let certificate = VerificationReport.Certificate(
            signature: "valid", validity: "valid", algorithm: "SHA256 with RSA2048", trust: "untrusted",
            isTrusted: false, trustProblem: "self-signed",
            subject: "CN=a", issuer: "CN=b", problems: ["one"], isOK: true)
        found.insert("certificate")
        found.formUnion(try JSONPaths.all(of: JSONText.encode(certificate)).map { "certificate.\($0)" })
        #expect(found.sorted() == document.fields[section]?.sorted())
    }
}
