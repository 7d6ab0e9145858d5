// What `info` says of a virtual system.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

package struct SystemSummary: Codable, Sendable {
    package let id: String
    package let name: String
    /// The collections around it, outermost first.
    package let collections: [String]
    package let operatingSystem: String?
    /// `ovf:id` of the OperatingSystemSection: CIM_OperatingSystem.OsType.
    package let operatingSystemIdentifier: Int?
    /// What the vendor calls it, such as "ubuntu64Guest".
    package let operatingSystemType: String?
    package let hardware: [String]
    package let processors: UInt64?
    /// In bytes.
    package let memory: UInt64?
    package let firmware: String?
    package let networkAdapters: [NetworkAdapter]
    package let disks: [Attachment]
    package let rootDisk: Root?
    package let products: [Product]
    package let annotations: [String]
    package let licenses: [String]

    package struct NetworkAdapter: Codable, Sendable {
        package let name: String
        package let type: String?
        package let networks: [String]
    }

    package struct Attachment: Codable, Sendable {
        package let disk: String
        package let bus: String?
        package let adapter: String?
    }

    package struct Root: Codable, Sendable {
        package let disk: String
        /// boot-flag, first-disk-item or first-disk-with-file.
        package let rule: String
        /// The disk that Nova would take, where it is another one.
        package let nova: String?
    }

    package struct Product: Codable, Sendable {
        package let name: String
        package let vendor: String
        package let version: String
    }

    /// The summaries of every system, in the descriptor's order.
    static func all(of appliance: Appliance) -> [SystemSummary] {
        guard let envelope = appliance.envelope, let layout = appliance.layout else { return [] }
        return envelope.systems.indices.map { SystemSummary(envelope, layout, $0) }
    }

    private init(_ envelope: Envelope, _ layout: ApplianceLayout, _ index: Int) {
        let system = envelope.systems[index]
        id = system.id
        name = system.name
        collections = Self.collections(around: system, in: envelope)
        operatingSystem = system.operatingSystem?.description
        operatingSystemIdentifier = system.operatingSystem?.id
        operatingSystemType = system.operatingSystem.flatMap { $0.vendorType.isEmpty ? nil : $0.vendorType }
        hardware = system.hardware?.systemTypes ?? []
        processors = system.hardware?.processorCount
        memory = system.hardware?.memoryByteCount
        firmware = system.hardware?.firmware
        networkAdapters = (system.hardware?.networkAdapters ?? []).map { item in
            NetworkAdapter(
                name: item.name, type: item.resourceSubtypes.first, networks: item.connections)
        }
        disks = layout.systems[index].drives.compactMap { drive in
            guard case .disk(let disk) = drive.backing else { return nil }
            return Attachment(
                disk: envelope.disks[disk].id, bus: drive.busAddress, adapter: drive.adapter?.rawValue)
        }
        rootDisk = layout.rootDisks[index].map { root in
            Root(
                disk: envelope.disks[root.diskIndex].id, rule: root.rule.rawValue,
                nova: root.differsFromNova ? root.novaDiskIndex.map { envelope.disks[$0].id } : nil)
        }
        products = (envelope.descriptions.products + system.descriptions.products).map {
            Product(
                name: $0.name, vendor: $0.vendor,
                version: $0.fullVersion.isEmpty ? $0.version : $0.fullVersion)
        }
        annotations = envelope.descriptions.annotations + system.descriptions.annotations
        licenses = envelope.descriptions.licenses + system.descriptions.licenses
    }

    private static func collections(around system: VirtualSystem, in envelope: Envelope) -> [String] {
        var names: [String] = []
        var next = system.collectionIndex
        // A collection stands behind the one that holds it, so the way up ends.
        while let index = next, names.count < envelope.collections.count {
            let collection = envelope.collections[index]
            names.insert(collection.name.isEmpty ? collection.id : collection.name, at: 0)
            next = collection.parentIndex
        }
        return names
    }
}
