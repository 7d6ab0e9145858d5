// The virtual systems of a descriptor and their hardware.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension EnvelopeParser {
    /// Reads a `VirtualSystem`, or a `Content` of OVF 0.9.
    mutating func system(
        _ element: XMLElement, collectionIndex: Int?
    ) throws(DescriptorError) -> VirtualSystem {
        var system = VirtualSystem()
        system.id = element.attribute("id") ?? ""
        system.name = element.childText("Name")
        system.collectionIndex = collectionIndex
        system.line = element.line
        var candidates: [VirtualHardware] = []
        for section in element.children {
            switch section.sectionName {
            case "Info", "Name": break
            case "OperatingSystemSection": system.operatingSystem = operatingSystem(section)
            case "VirtualHardwareSection": candidates.append(try hardware(section))
            default: Self.describe(section, for: configuration, in: &system.descriptions)
            }
        }
        system.hardware = candidates.first { Self.isKnown($0.systemTypes) } ?? candidates.first
        if let hardware = system.hardware, !Self.isKnown(hardware.systemTypes) {
            log.add(
                .systemTypeUnknown,
                "the system type \"\(hardware.systemTypes.joined(separator: " "))\" of \"\(system.id)\" is not known",
                line: element.line)
        }
        return system
    }

    /// What the products that we know write as `VirtualSystemType`; none at all is fine.
    private static func isKnown(_ types: [String]) -> Bool {
        let known: [ASCIIWord] = [
            "vmx-", "virtualbox-", "xen-", "hvm-", "dmtf:", "engine", "ovirt", "kvm", "qemu", "microsoft:",
            "hyper-v", "vmware",
        ]
        return types.isEmpty
            || types.contains { type in
                let start = Array(type.utf8.prefix(ASCIIWord.maximumByteCount))[...]
                return known.contains { $0.begins(start) }
            }
    }

    private func operatingSystem(_ section: XMLElement) -> OperatingSystem {
        OperatingSystem(
            id: section.attribute("id").flatMap { Int($0) }, version: section.attribute("version") ?? "",
            description: section.childText("Description"),
            vendorType: section.attribute("osType") ?? section.childText("OSType"))
    }

    private mutating func hardware(_ section: XMLElement) throws(DescriptorError) -> VirtualHardware {
        var hardware = VirtualHardware()
        hardware.systemTypes =
            section.child("System")?.childText("VirtualSystemType").words(orCommas: true) ?? []
        var chosen: [(item: HardwareItem, isSpecific: Bool)] = []
        for element in section.children {
            switch element.name {
            case "Item", "StorageItem", "EthernetPortItem":
                try take(EnvelopeCost.item, for: "an \(element.name)", line: element.line)
                let names = element.attribute("configuration")
                if let names, !isChosen(among: names, line: element.line) { continue }
                // Bounds of what may be chosen, not what is.
                if let bound = element.attribute("bound"), bound != "normal" { continue }
                chosen.append((try item(element), names != nil))
            case "Config" where element.attribute("key") == "firmware":
                hardware.firmware = element.attribute("value")
            default: break
            }
        }
        // An item of the configuration stands for the general one of the same id.
        let specific = Set(chosen.filter { $0.isSpecific }.map { ByteString($0.item.instanceID) })
        hardware.items = chosen.filter {
            $0.isSpecific || !specific.contains(ByteString($0.item.instanceID))
        }.map(\.item)
        return hardware
    }

    /// Whether the chosen configuration is in a list of names. Reports those that the DeploymentOptionSection does not
    /// have, while reports are taken; a list may have hundreds of thousands.
    private mutating func isChosen(among names: String, line: Int) -> Bool {
        let chosen = Array((configuration ?? "").utf8)
        let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0d).contains(byte) }
        var isChosen = false
        var rest = Array(names.utf8)[...]
        while true {
            rest = rest.drop(while: isSpace)
            let name = rest.prefix { !isSpace($0) }
            guard !name.isEmpty else { return isChosen }
            if name == chosen[...] { isChosen = true }
            if isChosen && log.isFull { return true }
            if !log.isFull, !configurationNames.contains(ByteString(Array(name))) {
                let text = String(decoding: name, as: UTF8.self)
                log.add(.configurationUnknown, "there is no configuration \"\(text)\"", line: line)
            }
            rest = rest[name.endIndex...]
        }
    }

    private mutating func item(_ element: XMLElement) throws(DescriptorError) -> HardwareItem {
        var item = HardwareItem()
        item.instanceID = element.childText("InstanceID")
        item.line = element.line
        let type = element.childText("ResourceType")
        item.resourceType = Int(type) ?? 0
        if item.resourceType == 0 {
            log.add(.valueInvalid, "an \(element.name) has the resource type \"\(type)\"", line: element.line)
        }
        item.resourceSubtypes = element.childText("ResourceSubType").words(orCommas: true)
        item.name = element.childText("ElementName", "Caption")
        item.description = element.childText("Description")
        item.quantity = try quantity(element)
        let units = element.childText("AllocationUnits", "VirtualQuantityUnits")
        if item.type == .memory, let quantity = item.quantity {
            let unit = AllocationUnits(units)
            item.quantityInBytes = unit.flatMap { $0.bytes(quantity) }
            if unit == nil { log.add(.unitUnknown, "the unit \"\(units)\" is not known", line: element.line) }
        }
        item.parent = element.childText("Parent").nonEmpty
        item.address = element.childText("Address", "BusNumber").nonEmpty
        item.addressOnParent = element.childText("AddressOnParent").nonEmpty
        item.hostResources = texts(element, "HostResource")
        item.connections = texts(element, "Connection")
        item.isRequired = element.attribute("required") != "false"
        return item
    }

    private mutating func quantity(_ element: XMLElement) throws(DescriptorError) -> UInt64? {
        guard let text = element.childText("VirtualQuantity").nonEmpty else { return nil }
        if let value = UInt64(text) { return value }
        guard !text.hasPrefix("-"), !text.allSatisfy(\.isASCIIDigit) else {
            throw DescriptorError(
                element: "VirtualQuantity", line: element.line, "\"\(text)\" is negative or too large")
        }
        log.add(.valueInvalid, "the quantity \"\(text)\" is no whole number", line: element.line)
        return nil
    }

    private func texts(_ element: XMLElement, _ name: String) -> [String] {
        element.children.filter { $0.name == name }.compactMap { $0.text.trimmed.nonEmpty }
    }
}
