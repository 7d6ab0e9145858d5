// What stands in `.ova`: the package as stored, and what it means.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import OVFPackage

/// Adds `.ova` to a tree: SEMANTICS, "What the package means".
struct ControlDirectory {
    static let name = Array(".ova".utf8)

    let appliance: Appliance
    private let time: Attributes

    init(of appliance: Appliance) {
        self.appliance = appliance
        time = Attributes(modificationTime: appliance.modificationTime)
    }

    func add(
        to builder: inout FileTreeBuilder, isListed: Bool,
        liveStatistics: (@Sendable () -> [UInt8])?
    ) {
        builder.addDirectory([Self.name], isListed: isListed)
        addStored(to: &builder)
        addLinks(to: &builder)
        addPartitions(to: &builder)
        addSnapshots(to: &builder)
        addChecksums(to: &builder)
        add("info.json", ApplianceSummary(of: appliance).json(), to: &builder)
        if let liveStatistics {
            builder.add(
                .liveFile(liveStatistics), at: [Self.name, Array("stats.json".utf8)], attributes: time)
        }
        if appliance.layout != nil || appliance.image != nil {
            add("glance-properties", GlanceProperties(of: appliance).text, to: &builder)
        }
    }

    private func add(_ name: String, _ text: [UInt8], to builder: inout FileTreeBuilder) {
        builder.add(.file(MemorySource(text)), at: [Self.name, Array(name.utf8)], attributes: time)
    }

    /// Every member as it is stored, so that a manifest can be checked.
    private func addStored(to builder: inout FileTreeBuilder) {
        let stored = [Self.name, Array("stored".utf8)]
        builder.addDirectory(stored)
        guard let package = appliance.package else {
            for disk in appliance.disks {
                guard let source = disk.stored else { continue }
                builder.add(
                    .file(source), at: stored + [disk.storedName],
                    attributes: Attributes(modificationTime: disk.modificationTime))
            }
            return
        }
        for (index, member) in package.members.enumerated() {
            builder.add(
                .file(appliance.storedSource(ofMember: index)), at: stored + member.components,
                attributes: Attributes(of: member),
                extendedAttributes: appliance.manifestAttributes(ofMembers: [index]))
        }
    }

    /// The manifest, rewritten for coreutils: a file an algorithm, to be checked in `stored`.
    private func addChecksums(to builder: inout FileTreeBuilder) {
        guard let map = appliance.checks?.map else { return }
        for algorithm in map.algorithms.sorted(by: { $0.rawValue < $1.rawValue }) {
            add("checksums.\(algorithm.rawValue)", map.checksums(algorithm), to: &builder)
        }
    }

    /// `root-disk` and `by-bus` of the first system, and of each one where there are several.
    private func addLinks(to builder: inout FileTreeBuilder) {
        guard let layout = appliance.layout else {
            // A disk image by itself is its own root disk.
            if appliance.package == nil { addLink(["root-disk"], toDisk: 0, &builder) }
            return
        }
        if let root = layout.rootDisk { addLink(["root-disk"], toDisk: root.diskIndex, &builder) }
        if let first = layout.systems.first { addBuses(of: first, under: [], &builder) }
        guard let envelope = appliance.envelope, envelope.systems.count > 1 else { return }
        var names = FileNames()
        for (index, system) in envelope.systems.enumerated() {
            let folder = ["systems", names.name(for: system.id.isEmpty ? system.name : system.id)]
            builder.addDirectory([Self.name] + folder.map { Array($0.utf8) })
            if let root = layout.rootDisks[index] {
                addLink(folder + ["root-disk"], toDisk: root.diskIndex, &builder)
            }
            addBuses(of: layout.systems[index], under: folder, &builder)
        }
    }

    private func addBuses(of layout: StorageLayout, under folder: [String], _ builder: inout FileTreeBuilder)
    {
        // The first drive at an address has it, whether its disk can be shown or not.
        var taken: Set<String> = []
        for drive in layout.drives where drive.kind == .disk {
            guard let address = drive.busAddress, taken.insert(address).inserted,
                case .disk(let index) = drive.backing
            else { continue }
            addLink(folder + ["by-bus", address], toDisk: index, &builder)
        }
    }

    /// Adds a relative link, below `.ova`, to the raw file of a disk that is decoded.
    private func addLink(_ path: [String], toDisk index: Int, _ builder: inout FileTreeBuilder) {
        guard appliance.disks.indices.contains(index), let raw = appliance.disks[index].rawPath else {
            return
        }
        let up = Array(String(repeating: "../", count: path.count).utf8)
        let target = up + raw.joinedBySlashes
        builder.add(
            .symbolicLink(target: target), at: [Self.name] + path.map { Array($0.utf8) }, attributes: time)
    }
}
