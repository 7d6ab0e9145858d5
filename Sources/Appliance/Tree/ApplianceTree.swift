// The files that a mounted appliance shows.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
package import FileTree
import OVFPackage

/// Builds the tree of a mount: SEMANTICS, "The tree".
package struct ApplianceTree {
    private let appliance: Appliance
    private var builder: FileTreeBuilder

    /// The tree of `appliance`. `.ova` can always be entered; it shows up in a listing where
    /// `showsControlDirectory`. `liveStatistics` is the text of `stats.json` now; nil where that file is elsewhere.
    /// - Throws: `ReadError.overBudget` where the tree takes more memory than opening may.
    package static func make(
        for appliance: Appliance, showsControlDirectory: Bool,
        liveStatistics: (@Sendable () -> [UInt8])?
    ) throws(ReadError) -> FileTree {
        var tree = ApplianceTree(appliance)
        tree.addMembers()
        tree.addDisks()
        ControlDirectory(of: appliance).add(
            to: &tree.builder, isListed: showsControlDirectory, liveStatistics: liveStatistics)
        if let failure = tree.builder.failure { throw failure }
        return tree.builder.build()
    }

    private init(_ appliance: Appliance) {
        self.appliance = appliance
        builder = FileTreeBuilder(directoryTime: appliance.modificationTime, budget: appliance.openingBudget)
    }

    /// Every member that is not shown as a decoded disk, where it is stored.
    private mutating func addMembers() {
        guard let package = appliance.package else { return }
        for (index, member) in package.members.enumerated()
        where !appliance.hiddenMembers.contains(index) {
            // The name belongs to the control directory.
            guard member.components.first != ControlDirectory.name else { continue }
            builder.add(
                .file(appliance.storedSource(ofMember: index)), at: member.components,
                attributes: Attributes(of: member),
                extendedAttributes: appliance.manifestAttributes(ofMembers: [index]))
        }
    }

    private mutating func addDisks() {
        for (index, disk) in appliance.disks.enumerated() {
            guard let source = disk.source, let path = disk.rawPath else { continue }
            var attributes = Attributes(modificationTime: disk.modificationTime) { () throws(ReadError) in
                disk.isRemote ? disk.allocatedByteCount : try disk.countAllocatedBytes()
            }
            attributes.placeOfError = { disk.place(of: $0, in: $1) }
            attributes.noteError = { disk.metDamage.note($0) }
            builder.add(
                .file(source), at: path, attributes: attributes,
                extendedAttributes: appliance.extendedAttributes(ofDisk: index))
        }
    }
}

extension Attributes {
    /// What stat(2) says of a member that is shown as stored.
    init(of member: PackageMember) {
        guard let location = member.location else {
            self.init(modificationTime: member.modificationTime)
            return
        }
        self.init(
            modificationTime: member.modificationTime,
            allocatedByteCount: min(location.storedByteCount, member.byteCount))
    }
}
