// A virtual system and its hardware, as a descriptor asks for them.
// SPDX-License-Identifier: Apache-2.0

/// A `VirtualSystem`.
/// Spec: DSP0243 2.1, 7.2 "Content element" and 8 "Virtual hardware description".
package struct VirtualSystem: Sendable, Equatable {
    package internal(set) var id = ""
    package internal(set) var name = ""
    /// The collection in `Envelope.collections` that holds it.
    package internal(set) var collectionIndex: Int?
    package internal(set) var operatingSystem: OperatingSystem?
    /// The hardware for the chosen configuration; nil where there is no such section.
    package internal(set) var hardware: VirtualHardware?
    package internal(set) var descriptions = DescriptiveSections()
    package internal(set) var line = 0
}

/// An `OperatingSystemSection`.
package struct OperatingSystem: Sendable, Equatable {
    /// `ovf:id`: CIM_OperatingSystem.OsType.
    package let id: Int?
    package let version: String
    package let description: String
    /// What the vendor calls it: `vmw:osType` or `vbox:OSType`.
    package let vendorType: String
}

/// A `VirtualHardwareSection`, without the items of other configurations.
package struct VirtualHardware: Sendable, Equatable {
    /// `vssd:VirtualSystemType`, such as "vmx-10 vmx-11" or "virtualbox-2.2".
    package internal(set) var systemTypes: [String] = []
    package internal(set) var items: [HardwareItem] = []
    /// `vmw:Config` with the key `firmware`, such as "efi".
    package internal(set) var firmware: String?

    /// Virtual processors; nil where no item says.
    package var processorCount: UInt64? { sum(of: .processor) { $0.quantity } }
    /// Memory, in bytes; nil where no item says.
    package var memoryByteCount: UInt64? { sum(of: .memory) { $0.quantityInBytes } }
    package var networkAdapters: [HardwareItem] { items.filter { $0.type == .ethernetAdapter } }

    private func sum(of type: HardwareItem.ResourceType, _ value: (HardwareItem) -> UInt64?) -> UInt64? {
        let values = items.filter { $0.type == type }.compactMap(value)
        guard !values.isEmpty else { return nil }
        return values.reduce(0) { (total: UInt64?, value) in
            total.flatMap { total in
                let (sum, overflow) = total.addingReportingOverflow(value)
                return overflow ? nil : sum
            }
        }
    }
}

/// An `Item`, `StorageItem` or `EthernetPortItem`.
/// Spec: DSP0243 2.1, 8.3; CIM_ResourceAllocationSettingData.
package struct HardwareItem: Sendable, Equatable {
    package internal(set) var instanceID = ""
    /// `rasd:ResourceType`; 0 where it is missing.
    package internal(set) var resourceType = 0
    package internal(set) var resourceSubtypes: [String] = []
    /// `rasd:ElementName`, or `rasd:Caption`.
    package internal(set) var name = ""
    package internal(set) var description = ""
    package internal(set) var quantity: UInt64?
    /// `quantity` times its unit.
    package internal(set) var quantityInBytes: UInt64?
    package internal(set) var parent: String?
    package internal(set) var address: String?
    package internal(set) var addressOnParent: String?
    package internal(set) var hostResources: [String] = []
    /// The networks of an adapter.
    package internal(set) var connections: [String] = []
    package internal(set) var isRequired = true
    package internal(set) var line = 0

    package var type: ResourceType? { ResourceType(rawValue: resourceType) }

    /// The resource types that mean something here.
    package enum ResourceType: Int, Sendable {
        case processor = 3
        case memory = 4
        case ideController = 5
        case scsiController = 6
        case ethernetAdapter = 10
        case floppyDrive = 14
        case cdDrive = 15
        case dvdDrive = 16
        case diskDrive = 17
        case otherStorage = 20
    }
}
