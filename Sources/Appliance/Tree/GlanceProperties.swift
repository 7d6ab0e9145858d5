// What an image service should know of a disk, as `key=value` lines.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import OVFPackage

/// Properties for `openstack image create --property`.
/// Spec: Glance, "Useful image properties".
struct GlanceProperties {
    private var lines: [(key: String, value: String)] = []

    /// Of the root disk that the descriptor has.
    init(of appliance: Appliance) {
        if let layout = appliance.layout { addDescribed(by: appliance, disk: layout.rootDisk?.diskIndex) }
        addStated(by: appliance)
    }

    /// Of a disk, the root disk or not.
    init(of appliance: Appliance, disk index: Int) {
        addDescribed(by: appliance, disk: index)
        if appliance.isRoot(index) { addStated(by: appliance) }
    }

    private mutating func addStated(by appliance: Appliance) {
        // What the image service says of the image itself counts more than what its descriptor says.
        for property in appliance.image?.properties ?? [] where Self.isWritten(property.name) {
            lines.removeAll { $0.key.utf8.elementsEqual(property.name.utf8) }
            lines.append((property.name, property.value))
        }
    }

    private mutating func addDescribed(by appliance: Appliance, disk index: Int?) {
        let attachment = index.flatMap { appliance.layout?.attachment(ofDisk: $0) }
        let adapter = index.flatMap { appliance.adapter(ofDisk: $0) }
        let bus = attachment?.busAddress.map { $0.prefix(while: { $0.isLetter }) }
        if let bus, Self.diskBuses.contains(String(bus)) { lines.append(("hw_disk_bus", String(bus))) }
        if let model = adapter.flatMap(Self.scsiModel) { lines.append(("hw_scsi_model", model)) }
        let system = appliance.envelope?.systems.first
        let network = system?.hardware?.networkAdapters.first?.resourceSubtypes
        if let model = network?.lazy.compactMap(Self.networkModel).first {
            lines.append(("hw_vif_model", model))
        }
        if let firmware = system?.hardware?.firmware {
            lines.append(("hw_firmware_type", ASCIIWord(folding: firmware) == "efi" ? "uefi" : "bios"))
        }
        if let type = system?.operatingSystem.flatMap(Self.operatingSystemType) {
            lines.append(("os_type", type))
        }
        if let adapter { lines.append(("vmware_adaptertype", adapter.rawValue)) }
        if let index, let type = Self.diskType(appliance.disks[index]) {
            lines.append(("vmware_disktype", type))
        }
        if let type = system?.operatingSystem?.vendorType, !type.isEmpty {
            lines.append(("vmware_ostype", type))
        }
    }

    /// Each value is one line, whatever the descriptor says.
    var properties: [ImageRecord.Property] {
        lines.sorted { $0.key < $1.key }.map { key, value in
            ImageRecord.Property(
                name: key, value: value.split(whereSeparator: \.isNewline).joined(separator: " "))
        }
    }

    var text: [UInt8] {
        properties.flatMap { Array("\($0.name)=\($0.value)\n".utf8) }
    }

    /// Whether it is one that Nova and its drivers read; names that the service keeps for itself are refused by it.
    private static func isWritten(_ name: String) -> Bool {
        ["hw_", "os_", "vmware_"].contains { name.utf8.starts(with: $0.utf8) }
            && !name.utf8.starts(with: "os_glance".utf8) && ImageRecord.isPlain(name)
    }

    /// What `hw_disk_bus` may be: Nova refuses an image with any other, such as nvme.
    private static let diskBuses: Set<String> = [
        "fdc", "ide", "lxc", "sata", "scsi", "uml", "usb", "virtio", "xen",
    ]

    /// `hw_vif_model`, in Nova's words; nil for an adapter that Nova does not know.
    private static func networkModel(_ subtype: String) -> String? {
        switch ASCIIWord(folding: subtype) {
        case "e1000": "e1000"
        case "e1000e": "e1000e"
        case "pcnet32", "pcnet": "pcnet"
        case "rtl8139": "rtl8139"
        case "virtio", "virtio-net", "virtionet": "virtio"
        case "vmxnet", "vmxnet2": "vmxnet"
        case "vmxnet3": "vmxnet3"
        default: nil
        }
    }

    /// `hw_scsi_model`, in libvirt's words.
    private static func scsiModel(_ adapter: AdapterType) -> String? {
        switch adapter {
        case .busLogic: "buslogic"
        case .lsiLogic: "lsilogic"
        case .lsiLogicsas: "lsisas1068"
        case .paraVirtual: "vmpvscsi"
        case .ide: nil
        }
    }

    private static func diskType(_ disk: ApplianceDisk) -> String? {
        guard let format = disk.format else { return nil }
        return switch format {
        case .vmdkStreamOptimized: "streamOptimized"
        case .vmdkMonolithicSparse: "sparse"
        case _ where format.family == "vmdk" && format.rawValue.lowercased().hasSuffix("sparse"): "sparse"
        case _ where format.family == "vmdk": "preallocated"
        default: nil
        }
    }

    private static let windows: ASCIIWord = "win"
    private static let darwin: ASCIIWord = "darwin"
    private static let linux: [ASCIIWord] = [
        "linux", "ubuntu", "debian", "centos", "rhel", "red hat", "fedora", "sles", "suse",
    ]

    /// `os_type`: what Nova tells Windows from others by.
    private static func operatingSystemType(_ system: OperatingSystem) -> String? {
        // A system is named at the start of a text, however long that is.
        let names: [UInt8] =
            Array(system.vendorType.utf8.prefix(4_096)) + [0x20]
            + Array(system.description.utf8.prefix(4_096))
        if windows.isPart(of: names), !darwin.isPart(of: names) { return "windows" }
        return linux.contains { $0.isPart(of: names) } ? "linux" : nil
    }
}
