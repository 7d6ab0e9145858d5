// Which disks and drives a virtual system has, on which controller and at which address.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The controllers and drives of one virtual system.
package struct StorageLayout: Sendable, Equatable {
    /// In document order.
    package let controllers: [Controller]
    /// Disks, CD drives and floppy drives, in document order.
    package let drives: [Drive]
    package let warnings: [PackageWarning]

    /// A controller of disks.
    package struct Controller: Sendable, Equatable {
        package let instanceID: String
        package let bus: Bus
        /// Which one of its kind it is, from 0, in the order of their addresses.
        package let index: Int
        /// nil for SATA and NVMe, for which Nova has no adapter type.
        package let adapter: AdapterType?
    }

    package enum Bus: String, Sendable {
        case ide
        case scsi
        case sata
        case nvme
    }

    /// A disk drive, CD drive or floppy drive.
    package struct Drive: Sendable, Equatable {
        package let kind: Kind
        package let name: String
        package let backing: Backing
        /// The controller in `controllers`; nil where the descriptor names none.
        package let controllerIndex: Int?
        /// `AddressOnParent`; where it is missing, the lowest that is free.
        package let unit: Int?
        /// Such as "scsi0:0"; nil without a controller.
        package let busAddress: String?
        /// nil without a controller, and on SATA and NVMe.
        package let adapter: AdapterType?
        package let line: Int
    }

    package enum Kind: String, Sendable {
        case disk
        case cd
        case floppy
    }

    /// What is in a drive.
    package enum Backing: Sendable, Equatable {
        /// A disk of `Envelope.disks`.
        case disk(Int)
        /// A file of `Envelope.files`, such as an ISO image.
        case file(Int)
        /// A disk or a file that the descriptor does not have, as written.
        case missing(String)
        case empty
    }

    /// The layout of each of the envelope's systems, in their order.
    package static func layouts(of envelope: Envelope) -> [StorageLayout] {
        let resources = HostResources(envelope)
        return envelope.systems.map { StorageLayout(of: $0, resources) }
    }

    private init(of system: VirtualSystem, _ resources: HostResources) {
        let items = system.hardware?.items ?? []
        var log = WarningLog()
        let controllers = Self.controllers(items, &log)
        self.controllers = controllers
        drives = Self.drives(items, controllers, resources, &log)
        warnings = log.warnings
    }

    private static let nvme: ASCIIWord = "nvme"

    private static func controllers(_ items: [HardwareItem], _ log: inout WarningLog) -> [Controller] {
        let found: [(item: HardwareItem, bus: Bus)] = items.compactMap { item in
            switch item.type {
            case .ideController: return (item, .ide)
            case .scsiController: return (item, .scsi)
            case .otherStorage where item.hostResources.isEmpty && item.parent == nil:
                let isNVMe = item.resourceSubtypes.contains { nvme.isPart(of: Array($0.utf8)) }
                return (item, isNVMe ? .nvme : .sata)
            default: return nil
            }
        }
        var indices = [Int](repeating: 0, count: found.count)
        for bus in [Bus.ide, .scsi, .sata, .nvme] {
            let ordered = found.indices.filter { found[$0].bus == bus }.sorted {
                let left = found[$0].item.address.flatMap { Int($0) } ?? .max
                let right = found[$1].item.address.flatMap { Int($0) } ?? .max
                return (left, $0) < (right, $1)
            }
            for (rank, position) in ordered.enumerated() { indices[position] = rank }
        }
        return zip(found, indices).map { controller, index in
            Controller(
                instanceID: controller.item.instanceID, bus: controller.bus, index: index,
                adapter: adapter(of: controller.item, on: controller.bus, &log))
        }
    }

    /// The first subtype that is known; SCSI without one is lsilogic, as VMware has it.
    private static func adapter(of item: HardwareItem, on bus: Bus, _ log: inout WarningLog) -> AdapterType? {
        switch bus {
        case .sata, .nvme: return nil
        case .ide: return .ide
        case .scsi:
            if let known = item.resourceSubtypes.lazy.compactMap({ AdapterType(subtype: $0) }).first {
                return known
            }
            if !item.resourceSubtypes.isEmpty {
                let subtypes = item.resourceSubtypes.joined(separator: " ")
                log.add(
                    .adapterUnknown, "the SCSI controller \"\(subtypes)\" is not known: lsiLogic is assumed",
                    line: item.line)
            }
            return .lsiLogic
        }
    }

    private static func drives(
        _ items: [HardwareItem], _ controllers: [Controller], _ resources: HostResources,
        _ log: inout WarningLog
    ) -> [Drive] {
        var taken = [Set<Int>](repeating: [], count: controllers.count)
        let candidates = items.compactMap { item in kind(of: item).map { (item: item, kind: $0) } }
        let indices = Dictionary(
            controllers.enumerated().map { (ByteString($1.instanceID), $0) },
            uniquingKeysWith: { first, _ in first })
        let parents = candidates.map { $0.item.parent.flatMap { indices[ByteString($0)] } }
        for (candidate, parent) in zip(candidates, parents) {
            guard let parent, let unit = candidate.item.addressOnParent.flatMap({ Int($0) }) else { continue }
            if !taken[parent].insert(unit).inserted {
                log.add(
                    .busAddressShared, "two drives have the address \(unit) on one controller",
                    line: candidate.item.line)
            }
        }
        // The unit to try next on each controller: many drives without a place stay cheap.
        var nextUnits = [Int](repeating: 0, count: controllers.count)
        return zip(candidates, parents).map { candidate, parent in
            let item = candidate.item
            if parent == nil, candidate.kind == .disk, let name = item.parent {
                log.add(.controllerMissing, "there is no controller with the id \"\(name)\"", line: item.line)
            }
            var unit = item.addressOnParent.flatMap { Int($0) }
            if let parent, unit == nil {
                while taken[parent].contains(nextUnits[parent]) { nextUnits[parent] += 1 }
                unit = nextUnits[parent]
                nextUnits[parent] += 1
            }
            let controller = parent.map { controllers[$0] }
            return Drive(
                kind: candidate.kind, name: item.name,
                backing: resources.backing(of: item, candidate.kind, &log),
                controllerIndex: parent, unit: unit,
                busAddress: controller.flatMap { controller in
                    unit.map { "\(controller.bus.rawValue)\(controller.index):\($0)" }
                },
                adapter: controller?.adapter, line: item.line)
        }
    }

    private static func kind(of item: HardwareItem) -> Kind? {
        switch item.type {
        case .diskDrive: .disk
        case .cdDrive, .dvdDrive: .cd
        case .floppyDrive: .floppy
        default: nil
        }
    }
}
