// The files that a mounted appliance shows.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
package import FileTree
import OVFPackage

/// Builds the tree of a mount: SEMANTICS, "The tree".
package struct ApplianceTree {
    private static let controlName = Array(".ova".utf8)

    private let appliance: Appliance
    private var builder: FileTreeBuilder

    /// - Parameters:
    ///   - showsControlDirectory: Whether `.ova` shows up when the root is listed.
    ///   - liveStatistics: The text of `stats.json` now.
    package static func make(
        for appliance: Appliance, showsControlDirectory: Bool,
        liveStatistics: @escaping @Sendable () -> [UInt8]
    ) -> FileTree {
        var tree = ApplianceTree(appliance)
        tree.addMembers()
        tree.addDisks()
        tree.addControlDirectory(isListed: showsControlDirectory, liveStatistics: liveStatistics)
        return tree.builder.build()
    }

    private init(_ appliance: Appliance) {
        self.appliance = appliance
        builder = FileTreeBuilder(directoryTime: appliance.modificationTime)
    }

    /// Every member that is not shown as a decoded disk, where it is stored.
    private mutating func addMembers() {
        guard let package = appliance.package else { return }
        let decoded = Set(appliance.disks.filter { $0.rawPath != nil }.flatMap(\.memberIndices))
        for (index, member) in package.members.enumerated() where !decoded.contains(index) {
            builder.add(.file(member.source), at: member.components, attributes: attributes(of: member))
        }
    }

    private mutating func addDisks() {
        for disk in appliance.disks {
            guard let source = disk.source, let path = disk.rawPath else { continue }
            builder.add(
                .file(source), at: path,
                attributes: Attributes(
                    modificationTime: disk.modificationTime, allocatedByteCount: disk.allocatedByteCount),
                extendedAttributes: disk.extendedAttributes)
        }
    }

    private mutating func addControlDirectory(
        isListed: Bool, liveStatistics: @escaping @Sendable () -> [UInt8]
    ) {
        builder.addDirectory([Self.controlName], isListed: isListed)
        let time = Attributes(modificationTime: appliance.modificationTime)
        addStored()
        let info = ApplianceSummary(of: appliance).json()
        builder.add(.file(MemorySource(info)), at: control("info.json"), attributes: time)
        builder.add(.liveFile(liveStatistics), at: control("stats.json"), attributes: time)
    }

    /// Every member as it is stored, so that a manifest can be checked.
    private mutating func addStored() {
        let stored = control("stored")
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
        for member in package.members {
            builder.add(
                .file(member.source), at: stored + member.components, attributes: attributes(of: member))
        }
    }

    private func attributes(of member: PackageMember) -> Attributes {
        Attributes(
            modificationTime: member.modificationTime,
            allocatedByteCount: member.location.map { min($0.storedByteCount, member.byteCount) })
    }

    private func control(_ name: String) -> [[UInt8]] {
        [Self.controlName, Array(name.utf8)]
    }
}
