// Packages made in memory, and opened as a user's would be.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Crypto
import TestSupport

@testable import Appliance
@testable import OVFPackage

/// The members of a package, in their order.
struct TestPackage {
    var members: [(name: [UInt8], bytes: [UInt8])] = []

    mutating func add(_ name: String, _ bytes: [UInt8]) {
        members.append((Array(name.utf8), bytes))
    }

    mutating func add(_ name: String, _ text: String) {
        add(name, Array(text.utf8))
    }

    /// Adds a manifest of SHA256 digests of what was added before; those of `wrong` are not right.
    mutating func addManifest(_ name: String = "vm.mf", wrong: Set<String> = []) {
        let lines = members.map { name, bytes in
            let name = String(decoding: name, as: UTF8.self)
            let digest =
                wrong.contains(name) ? Array(SHA256.hash(data: [0])) : Array(SHA256.hash(data: bytes))
            return "SHA256(\(name))= \(Hexadecimal.text(digest))\n"
        }
        add(name, lines.joined())
    }

    var archive: [UInt8] {
        var tar = TarBuilder()
        for (name, bytes) in members { tar.add(name, bytes) }
        tar.finish()
        return tar.bytes
    }

    func open(
        lenient: Bool = false, named name: String = "vm.ova"
    ) throws(ApplianceError) -> Appliance {
        try Self.open(MemorySource(archive), lenient: lenient, named: name)
    }

    static func open(
        _ source: any ByteSource, lenient: Bool = false, named name: String = "vm.ova"
    ) throws(ApplianceError) -> Appliance {
        var options = ApplianceOptions()
        options.isLenient = lenient
        return try Appliance.open(
            .file(source, name: Array(name.utf8), modificationTime: 1_700_000_000), options: options)
    }
}

extension TestPackage {
    /// A descriptor with one system, and the files that it refers to.
    init(_ descriptor: TestDescriptor, _ files: (name: String, bytes: [UInt8])...) {
        add("vm.ovf", descriptor.text)
        for (name, bytes) in files { add(name, bytes) }
    }

    /// One streamOptimized disk, `disk.vmdk`, of `grains`.
    static func simple(_ image: BuiltImage = smallImage) -> TestPackage {
        var descriptor = TestDescriptor()
        descriptor.addDisk("disk1", file: "disk.vmdk", capacity: image.guest.count)
        return TestPackage(descriptor, ("disk.vmdk", image.bytes))
    }

    /// 20 grains of 8 KiB, with holes.
    static let smallImage = StreamOptimizedBuilder(GrainContent.mixed(20)).build()
}

/// The text of a descriptor, put together part by part.
struct TestDescriptor {
    var files = ""
    var disks = ""
    var sections = ""
    var items = ""
    var systemSections = ""
    /// Replaces the one virtual system.
    var content: String?

    private var diskCount = 0

    /// A disk, its file, and the item that attaches it at the next place of the first SCSI controller.
    mutating func addDisk(
        _ id: String, file: String? = nil, capacity: Int? = nil, fileAttributes: String = "",
        attributes: String = "", isAttached: Bool = true
    ) {
        if let file { files += "<File ovf:id=\"file-\(id)\" ovf:href=\"\(file)\" \(fileAttributes)/>" }
        let reference = file == nil ? "" : "ovf:fileRef=\"file-\(id)\""
        let capacity = capacity.map { "ovf:capacity=\"\($0)\"" } ?? ""
        disks += "<Disk ovf:diskId=\"\(id)\" \(reference) \(capacity) \(attributes)/>"
        if isAttached { items += Self.diskItem(id, unit: diskCount) }
        diskCount += 1
    }

    static func diskItem(_ id: String, unit: Int) -> String {
        """
        <Item><rasd:InstanceID>\(unit + 100)</rasd:InstanceID><rasd:ResourceType>17</rasd:ResourceType>\
        <rasd:HostResource>ovf:/disk/\(id)</rasd:HostResource><rasd:Parent>3</rasd:Parent>\
        <rasd:AddressOnParent>\(unit)</rasd:AddressOnParent></Item>
        """
    }

    static let controllerItem = """
        <Item><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceType>6</rasd:ResourceType>\
        <rasd:ResourceSubType>VirtualSCSI</rasd:ResourceSubType><rasd:Address>0</rasd:Address></Item>
        """

    static func system(_ id: String, _ items: String, _ sections: String = "") -> String {
        """
        <VirtualSystem ovf:id="\(id)"><Info/><Name>\(id)</Name>\(sections)<VirtualHardwareSection><Info/>\
        \(controllerItem)\(items)</VirtualHardwareSection></VirtualSystem>
        """
    }

    var text: String {
        """
        <?xml version="1.0"?>
        <Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" \
        xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="urn:rasd" xmlns:vssd="urn:vssd" \
        xmlns:vmw="http://www.vmware.com/schema/ovf" xmlns:gnt="http://ganeti">
        <References>\(files)</References><DiskSection><Info/>\(disks)</DiskSection>
        \(sections)\(content ?? Self.system("vm", items, systemSections))</Envelope>
        """
    }
}

extension Appliance {
    var codes: Set<String> { Set(findings.map(\.code)) }
    /// The paths of the raw files, as text; nil for a disk that is not decoded.
    var rawPaths: [String?] {
        disks.map { disk in
            disk.rawPath.map { $0.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/") }
        }
    }
}
