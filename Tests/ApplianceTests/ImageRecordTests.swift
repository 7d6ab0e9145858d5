// Tests of what an image service says of an appliance.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

@Suite("What an image service says")
struct ImageRecordTests {
    private static func record(_ properties: [String: String]) -> ImageRecord {
        ImageRecord(
            id: "0000", name: "vm", containerFormat: "ova", diskFormat: "vmdk",
            properties: properties.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: $0.value) })
    }

    /// A package whose root disk is at an LSI Logic adapter, and which has a second disk.
    private static func open(_ properties: [String: String]?) throws -> Appliance {
        var descriptor = TestDescriptor()
        descriptor.addDisk("first", file: "disk1.vmdk")
        descriptor.addDisk("second", file: "disk2.vmdk")
        let image = TestPackage.smallImage.bytes
        let package = TestPackage(descriptor, ("disk1.vmdk", image), ("disk2.vmdk", image))
        return try Appliance.open(
            .remote(
                MemorySource(package.archive), name: Array("vm.ova".utf8), modificationTime: 0,
                image: properties.map(record)), options: ApplianceOptions())
    }

    private static func attributes(of appliance: Appliance, _ index: Int) -> [String: String] {
        Dictionary(
            appliance.extendedAttributes(ofDisk: index).map { ($0.name, $0.value() ?? "") },
            uniquingKeysWith: { first, _ in first })
    }

    @Test("properties of adapter and bus win over the descriptor, for the root disk only")
    func properties() throws {
        let plain = ApplianceSummary(of: try Self.open(nil)).disks
        let appliance = try Self.open(["vmware_adaptertype": "busLogic", "hw_disk_bus": "virtio"])
        let disks = ApplianceSummary(of: appliance).disks
        let root = try #require(disks.firstIndex { $0.isRoot })
        #expect(plain[root].adapter != "busLogic" && plain[root].bus != "virtio")
        #expect(disks[root].adapter == "busLogic" && disks[root].bus == "virtio")
        #expect(
            disks[1 - root].adapter == plain[1 - root].adapter && disks[1 - root].bus == plain[1 - root].bus)
        let attributes = Self.attributes(of: appliance, root)
        #expect(attributes["user.ova.adapter"] == "busLogic" && attributes["user.ova.bus"] == "virtio")
        #expect(attributes["user.ova.property.hw_disk_bus"] == "virtio")
        #expect(attributes["user.ova.image-id"] == "0000" && attributes["user.ova.container-format"] == "ova")
        let text = String(decoding: GlanceProperties(of: appliance).text, as: UTF8.self)
        #expect(text.contains("vmware_adaptertype=busLogic\n") && text.contains("hw_disk_bus=virtio\n"))
        #expect(text.split(separator: "\n").count { $0.hasPrefix("hw_disk_bus=") } == 1)
    }

    @Test("a bus that is the descriptor's leaves the place on it")
    func sameBus() throws {
        let plain = ApplianceSummary(of: try Self.open(nil)).disks
        let bus = try #require(plain.first { $0.isRoot }?.bus)
        let name = String(bus.prefix { $0.isLetter })
        let disks = ApplianceSummary(of: try Self.open(["hw_disk_bus": name])).disks
        #expect(disks.first { $0.isRoot }?.bus == bus)
    }

    @Test(
        "what is no adapter, no bus and no name of a property changes nothing",
        arguments: [
            ["vmware_adaptertype": "", "hw_disk_bus": ""],
            ["vmware_adaptertype": "virtio\n", "hw_disk_bus": "a b"],
            ["hw_disk_bus": String(repeating: "x", count: 10_000)], ["hw_\n=x": "y", "\u{1b}[2J": "y"],
        ])
    func nonsense(_ properties: [String: String]) throws {
        let plain = try Self.open(nil)
        let appliance = try Self.open(properties)
        let (disks, others) = (ApplianceSummary(of: appliance).disks, ApplianceSummary(of: plain).disks)
        #expect(disks.map(\.bus) == others.map(\.bus) && disks.map(\.adapter) == others.map(\.adapter))
        let names = Self.attributes(of: appliance, 0).keys
        #expect(names.allSatisfy { $0.utf8.allSatisfy { (0x21..<0x7f).contains($0) } })
        let text = String(decoding: GlanceProperties(of: appliance).text, as: UTF8.self)
        #expect(!text.contains("\u{1b}") && !text.contains("=x=y"))
    }

    @Test("thousands of properties leave room in the list of attributes")
    func many() throws {
        let properties = Dictionary(
            uniqueKeysWithValues: (0..<5_000).map { ("p\($0)" + String(repeating: "x", count: 190), "v") })
        let appliance = try Self.open(properties)
        let names = appliance.extendedAttributes(ofDisk: 0).map(\.name)
        #expect(names.reduce(0) { $0 + $1.utf8.count + 1 } < 64 << 10)
        #expect(names.allSatisfy { $0.utf8.count <= 255 })
    }

    /// The report on a small disk whose service has `digest` of it, under `algorithm`.
    private static func report(
        _ algorithm: String, _ digest: String, noManifest: Bool = false
    ) throws -> VerificationReport {
        let record = ImageRecord(
            id: "0000", name: "d", containerFormat: "bare", diskFormat: "vmdk",
            digest: ImageDigest(algorithm: algorithm, digits: digest), properties: [])
        let appliance = try Appliance.open(
            .remote(
                MemorySource(TestPackage.smallImage.bytes), name: Array("d.vmdk".utf8), modificationTime: 0,
                image: record), options: ApplianceOptions())
        var demands = VerificationReport.Demands()
        demands.acceptsNoManifest = noManifest
        return VerificationReport(
            of: appliance, members: nil, certificate: nil, image: try appliance.checkImageDigest(), disks: [],
            demands: demands)
    }

    @Test("G5: verify compares the digest that the service has of the data")
    func digest() throws {
        var digester = MemberDigester([.sha256])
        try digester.take(MemorySource(TestPackage.smallImage.bytes)) { _ in }
        let right = try #require(digester.finish()[.sha256])
        for digits in [right, right.uppercased()] {
            let report = try Self.report("sha256", digits)
            #expect(report.isOK && report.image?.state == .ok && report.image?.actual == right)
        }
        for digits in [String(repeating: "0", count: 64), "", right + "0", String(right.dropLast())] {
            for noManifest in [false, true] {
                let report = try Self.report("sha256", digits, noManifest: noManifest)
                #expect(!report.isOK && report.failures.map(\.code) == [.imageDigestWrong], "\(digits)")
            }
        }
        // What nobody here can make is not checked, which is no success by itself.
        let unknown = try Self.report("blake3", right)
        #expect(!unknown.isOK && unknown.failures.map(\.code) == [.nothingChecked])
        #expect(unknown.image?.state == .unknown && unknown.image?.actual == nil)
        #expect(try Self.report("blake3", right, noManifest: true).isOK)
    }

    @Test(
        "attributes are called as properties are, with blanks; control characters and long names are left out"
    )
    func attributeNames() throws {
        let names = ["a b", "hw_x", "é", "x\u{7}", String(repeating: "n", count: 201), "\u{202e}x"]
        let record = Self.record(Dictionary(uniqueKeysWithValues: names.map { ($0, "1") }))
        let shown = Set(record.attributes.map(\.name).filter { $0.hasPrefix("property.") })
        #expect(shown == ["property.a b", "property.hw_x", "property.é"])
    }
}
