// Tests of what a descriptor means, rule by rule.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import OVFPackage

@Suite("A descriptor")
struct EnvelopeParserTests {
    private typealias Build = EnvelopeBuilder

    @Test(
        "elements match in any OVF namespace, or none",
        arguments: [
            ("http://schemas.dmtf.org/ovf/envelope/1", false),
            ("http://schemas.dmtf.org/ovf/envelope/2", false),
            ("http://schemas.dmtf.org/ovf/envelope/1/", false),
            ("http://www.vmware.com/schema/ovf/1/envelope", false), ("urn:other", true),
        ])
    func namespaces(namespace: String, isWarned: Bool) throws {
        let parser = try Build(namespace: namespace).parse()
        #expect(parser.envelope.files.map(\.href) == ["disk1.vmdk"])
        #expect(parser.envelope.disks.map(\.capacity) == [1024])
        #expect(parser.envelope.systems.map(\.id) == ["vm"])
        #expect(parser.codes.contains(.envelopeNamespace) == isWarned)
    }

    @Test("a descriptor without a namespace, its attributes without a prefix, is read with a warning")
    func noNamespace() throws {
        let text = """
            <Envelope><References><File id="f" href="d"/></References>
            <DiskSection><Disk diskId="x" fileRef="f" capacity="7"/></DiskSection></Envelope>
            """
        let parser = try EnvelopeParser(parsing: Array(text.utf8))
        #expect(parser.envelope.disks.map(\.fileIndex) == [0])
        #expect(parser.codes.contains(.envelopeNamespace))
    }

    @Test("OVF 0.9 names its sections by xsi:type, its content Content, and its ids InstanceId")
    func oldDialect() throws {
        let text = """
            <ovf:Envelope xmlns:ovf="http://www.vmware.com/schema/ovf/1/envelope" xmlns:rasd="urn:rasd"
              xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
            <References><File ovf:id="f" ovf:href="d.vmdk" ovf:size="12"/></References>
            <Section xsi:type="ovf:DiskSection_Type"><Disk ovf:diskId="1" ovf:fileRef="f" ovf:capacity="9"/></Section>
            <Section xsi:type="ovf:NetworkSection_Type"><Network ovf:name="net"/></Section>
            <Content xsi:type="ovf:VirtualSystem_Type" ovf:id="old">
              <Section xsi:type="ovf:OperatingSystemSection_Type" ovf:id="75"><Description>OS</Description></Section>
              <Section xsi:type="ovf:VirtualHardwareSection_Type">
                <Item><rasd:Caption>scsi</rasd:Caption><rasd:InstanceId>4</rasd:InstanceId>
                  <rasd:ResourceType>6</rasd:ResourceType><rasd:BusNumber>0</rasd:BusNumber></Item>
                <Item><rasd:InstanceId>5</rasd:InstanceId><rasd:ResourceType>17</rasd:ResourceType>
                  <rasd:HostResource>disk/1</rasd:HostResource><rasd:Parent>4</rasd:Parent>
                  <rasd:AddressOnParent>3</rasd:AddressOnParent></Item>
              </Section></Content></ovf:Envelope>
            """
        let envelope = try EnvelopeParser(parsing: Array(text.utf8)).envelope
        #expect(envelope.disks.map(\.capacity) == [9])
        #expect(envelope.networks.map(\.name) == ["net"])
        #expect(envelope.systems[0].operatingSystem?.id == 75)
        #expect(StorageLayout.layouts(of: envelope)[0].drives.map(\.busAddress) == ["scsi0:3"])
    }

    @Test("OVF 2 puts drives in StorageItem and adapters in EthernetPortItem")
    func newDialect() throws {
        let items =
            Build.item(["InstanceID": "1", "ResourceType": "10", "Connection": "n"], tag: "EthernetPortItem")
            + Build.item(
                ["InstanceID": "2", "ResourceType": "17", "HostResource": "ovf:/disk/vmdisk1"],
                tag: "StorageItem")
        let envelope = try Build(namespace: "http://schemas.dmtf.org/ovf/envelope/2", items: items).envelope()
        #expect(envelope.systems[0].hardware?.networkAdapters.map(\.connections) == [["n"]])
        #expect(StorageLayout.layouts(of: envelope)[0].drives.map(\.backing) == [.disk(0)])
    }

    @Test("oVirt's hrefs, sizes in GiB, file references with a slash and bare host resources are understood")
    func ovirt() throws {
        let envelope = try Build(
            namespace: "http://schemas.dmtf.org/ovf/envelope/1/",
            files: "<File ovf:href=\"c2b8\" ovf:id=\"c2b8\" ovf:size=\"5\"/>",
            disks: """
                <Disk ovf:diskId="61f5" ovf:size="10" ovf:fileRef="61f5/c2b8" ovf:parentRef="" ovf:boot="true"
                  ovf:format="http://www.vmware.com/specifications/vmdk.html#sparse"/>
                """,
            items: Build.item([
                "InstanceId": "c2b8", "ResourceType": "17", "HostResource": "61f5/c2b8",
                "Parent": "00000000-0000-0000-0000-000000000000",
            ])
        ).envelope()
        #expect(envelope.disks[0].capacity == 10 << 30)
        #expect(envelope.disks[0].fileIndex == 0)
        #expect(envelope.disks[0].parentReference == nil)
        #expect(envelope.disks[0].isBootable)
        #expect(StorageLayout.layouts(of: envelope)[0].drives.map(\.backing) == [.disk(0)])
    }

    @Test("a File has id, href, size, compression and chunk size")
    func fileAttributes() throws {
        let parser = try Build(
            files: """
                <File ovf:id="a" ovf:href=" x%20y " ovf:size="5" ovf:compression="gzip" ovf:chunkSize="7"/>
                <File ovf:id="b" ovf:href="z" ovf:compression="Identity"/>
                <File ovf:id="b" ovf:compression="zip"/>
                """
        ).parse()
        let files = parser.envelope.files
        #expect(files.map(\.id) == ["a", "b", "b"])
        #expect(files.map(\.href) == ["x%20y", "z", ""])
        #expect(files.map(\.byteCount) == [5, nil, nil])
        #expect(files.map(\.compression) == [.gzip, .none, .other("zip")])
        #expect(files.map(\.chunkByteCount) == [7, nil, nil])
        #expect(parser.codes.contains(.fileReferenceMissing))
        #expect(parser.codes.contains(.compressionUnknown))
        #expect(parser.codes.contains(.identifierDuplicate))
    }

    @Test("a Disk has file, capacity, format, populated size, parent and boot flags")
    func diskAttributes() throws {
        let envelope = try Build(
            disks: """
                <Disk ovf:diskId="base" ovf:fileRef="file1" ovf:capacity="2" ovf:capacityAllocationUnits="byte * 2^30"
                  ovf:format="http://lies" ovf:populatedSize="77" xenovf:isBootable="true"/>
                <Disk ovf:diskId="delta" ovf:parentRef="base" ovf:capacity="1"/>
                """
        ).envelope()
        #expect(envelope.disks.map(\.capacity) == [2 << 30, 1])
        #expect(envelope.disks[0].populatedByteCount == 77)
        #expect(envelope.disks[0].format == "http://lies")
        #expect(envelope.disks.map(\.isBootable) == [true, false])
        #expect(envelope.disks.map(\.parentIndex) == [nil, 0])
        #expect(envelope.disks.map(\.fileReference) == ["file1", nil])
    }

    @Test("dangling files and parents are reported, and parents in a circle are cut")
    func dangling() throws {
        let parser = try Build(
            disks: """
                <Disk ovf:diskId="a" ovf:fileRef="nothing" ovf:parentRef="b" ovf:capacity="1"/>
                <Disk ovf:diskId="b" ovf:parentRef="a" ovf:capacity="1"/>
                <Disk ovf:diskId="c" ovf:parentRef="c" ovf:capacity="1"/>
                <Disk ovf:diskId="d" ovf:parentRef="e" ovf:capacity="1"/>
                """
        ).parse()
        #expect(parser.codes.contains(.fileReferenceDangling))
        #expect(parser.codes.contains(.parentDangling))
        #expect(parser.codes.filter { $0 == .parentCycle }.count == 2)
        #expect(parser.envelope.disks.map(\.parentIndex) == [1, nil, nil, nil])
    }

    @Test("a property's value for the chosen configuration is a capacity")
    func propertyCapacity() throws {
        let parser = try Build(
            disks: """
                <Disk ovf:diskId="a" ovf:capacity="${size}" ovf:capacityAllocationUnits="byte * 2^30"/>
                <Disk ovf:diskId="b" ovf:capacity="${org.size.1}"/><Disk ovf:diskId="c" ovf:capacity="${none}"/>
                """,
            sections: """
                <DeploymentOptionSection><Configuration ovf:id="small"/><Configuration ovf:id="big" ovf:default="true"/>
                </DeploymentOptionSection>
                """,
            systemSections: """
                <ProductSection ovf:class="org" ovf:instance="1"><Info/>
                <Property ovf:key="size" ovf:value="1"><Value ovf:value="5" ovf:configuration="big"/></Property>
                </ProductSection>
                """
        ).parse()
        #expect(parser.envelope.chosenConfiguration == "big")
        #expect(parser.envelope.disks.map(\.capacity) == [5 << 30, 5, nil])
        #expect(parser.codes.contains(.propertyUnknown))
    }

    @Test(
        "a negative or overflowing number is an error that names the element and its line",
        arguments: [
            ("<Disk ovf:diskId=\"a\" ovf:capacity=\"-1\"/>", "Disk"),
            ("<Disk ovf:diskId=\"a\" ovf:capacity=\"99999999999999999999\"/>", "Disk"),
            (
                "<Disk ovf:diskId=\"a\" ovf:capacity=\"9999999999999\" ovf:capacityAllocationUnits=\"GB\"/>",
                "Disk"
            ),
            ("<Disk ovf:diskId=\"a\" ovf:capacity=\"1\" ovf:populatedSize=\"-5\"/>", "Disk"),
        ])
    func badNumbers(disk: String, element: String) {
        let error = #expect(throws: DescriptorError.self) { try Build(disks: "\n" + disk).parse() }
        #expect(error?.element == element)
        #expect(error?.line == 7)
    }

    @Test(
        "what is no descriptor is refused with the element and its line",
        arguments: [
            ("<html/>", "html", 1), ("<!-- x -->\n<Envelope/>", "Envelope", 2), ("<a>\n<b></a>", "", 2),
            ("", "", 0),
        ])
    func refused(text: String, element: String, line: Int) {
        let error = #expect(throws: DescriptorError.self) { try EnvelopeParser(parsing: Array(text.utf8)) }
        #expect(error?.element == element)
        #expect(error?.line == line)
    }

    @Test("items of other configurations are dropped, and the chosen one's stand for the general ones")
    func configurations() throws {
        func memory(_ value: String, _ attributes: String = "") -> String {
            Build.item(
                [
                    "InstanceID": "2", "ResourceType": "4", "VirtualQuantity": value,
                    "AllocationUnits": "MegaBytes",
                ],
                attributes: attributes)
        }
        let options = { (isDefault: String) in
            "<DeploymentOptionSection><Configuration ovf:id=\"one\"/><Configuration ovf:id=\"two\" \(isDefault)/></DeploymentOptionSection>"
        }
        let items =
            memory("1") + memory("16", "ovf:configuration=\"one\"")
            + memory("32", "ovf:configuration=\"three two\"")
            + memory("9999", "ovf:bound=\"max\"")
        let byDefault = try Build(sections: options("ovf:default=\"true\""), items: items).envelope()
        #expect(byDefault.systems[0].hardware?.memoryByteCount == 32 << 20)
        let first = try Build(sections: options(""), items: items).envelope()
        #expect(first.systems[0].hardware?.memoryByteCount == 16 << 20)
        let none = try Build(items: items).envelope()
        #expect(try Build(items: items).parse().codes.contains(.configurationUnknown))
        #expect(none.systems[0].hardware?.memoryByteCount == 1 << 20)
    }

    @Test("a descriptor with nothing but empty collections is read, with a finding; one with nothing is not")
    func emptyCollections() throws {
        var builder = EnvelopeBuilder(files: "", disks: "")
        builder.content = "<VirtualSystemCollection ovf:id=\"all\"><Info/></VirtualSystemCollection>"
        let parser = try builder.parse()
        #expect(parser.envelope.collections.map(\.id) == ["all"] && parser.envelope.systems.isEmpty)
        #expect(parser.codes == [.collectionEmpty])
        builder.content = ""
        #expect(throws: DescriptorError.self) { try builder.parse() }
        builder.content =
            "<VirtualSystemCollection ovf:id=\"all\">\(builder.system("vm", ""))</VirtualSystemCollection>"
        #expect(try builder.parse().codes == [])
    }

    @Test("collections are walked, each system in document order")
    func collections() throws {
        let builder = Build()
        let envelope = try Build(
            content: """
                <VirtualSystemCollection ovf:id="outer"><Info/><Name>Outer</Name>\(builder.system("a", ""))
                <VirtualSystemCollection ovf:id="inner">\(builder.system("b", ""))</VirtualSystemCollection>
                </VirtualSystemCollection>\(builder.system("c", ""))
                """
        ).envelope()
        #expect(envelope.systems.map(\.id) == ["a", "b", "c"])
        #expect(envelope.systems.map(\.collectionIndex) == [0, 1, nil])
        #expect(envelope.collections.map(\.parentIndex) == [nil, 0])
    }

    @Test("the first hardware section whose system type is known is taken")
    func systemTypes() throws {
        func hardware(_ type: String, _ count: String) -> String {
            """
            <VirtualHardwareSection><System><vssd:VirtualSystemType>\(type)</vssd:VirtualSystemType></System>
            \(Build.item(["InstanceID": "1", "ResourceType": "3", "VirtualQuantity": count]))</VirtualHardwareSection>
            """
        }
        let known = try Build(
            content:
                "<VirtualSystem ovf:id=\"x\">\(hardware("alien-1", "1"))\(hardware("vmx-10 vmx-11", "2"))</VirtualSystem>"
        ).parse()
        #expect(known.envelope.systems[0].hardware?.systemTypes == ["vmx-10", "vmx-11"])
        #expect(known.envelope.systems[0].hardware?.processorCount == 2)
        let unknown = try Build(
            content: "<VirtualSystem ovf:id=\"x\">\(hardware("alien-1", "1"))</VirtualSystem>"
        ).parse()
        #expect(unknown.envelope.systems[0].hardware?.processorCount == 1)
        #expect(unknown.codes.contains(.systemTypeUnknown))
    }

    @Test("operating system, products, annotations, licences and sections of vendors are kept")
    func descriptions() throws {
        let envelope = try Build(
            systemSections: """
                <OperatingSystemSection ovf:id="107" ovf:version="8" vmw:osType="centos8_64Guest">
                <Description>CentOS 8</Description></OperatingSystemSection>
                <ProductSection><Product>P</Product><Vendor>V</Vendor><Version>1</Version></ProductSection>
                <AnnotationSection><Annotation>note</Annotation></AnnotationSection>
                <EulaSection><Info>licence</Info><License>long</License></EulaSection>
                <vmw:StorageSection ovf:required="false"><Info>storage</Info></vmw:StorageSection>
                """
        ).envelope()
        let system = envelope.systems[0]
        #expect(
            system.operatingSystem
                == OperatingSystem(
                    id: 107, version: "8", description: "CentOS 8", vendorType: "centos8_64Guest"))
        #expect(system.descriptions.products.map(\.name) == ["P"])
        #expect(system.descriptions.annotations == ["note"])
        #expect(system.descriptions.licenses == ["licence"])
        #expect(system.descriptions.otherSections.map(\.name) == ["StorageSection"])
    }

    @Test("a GanetiSection is summarised")
    func ganeti() throws {
        let envelope = try Build(
            sections: """
                <gnt:GanetiSection><gnt:VersionId>0</gnt:VersionId><gnt:Network><gnt:Nic ovf:name="n">
                <gnt:Mode>bridged</gnt:Mode></gnt:Nic></gnt:Network></gnt:GanetiSection>
                """
        ).envelope()
        #expect(
            envelope.ganeti == [
                SectionValue(path: "VersionId", value: "0"),
                SectionValue(path: "Network/Nic[n]/Mode", value: "bridged"),
            ])
    }
}
