// What `info` says of a disk.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import DiskImages
import OVFPackage
import Partitions

package struct DiskSummary: Codable, Sendable {
    package let id: String
    package let file: Name?
    /// The raw file, from the mount's root; nil where the disk is not decoded.
    package let raw: Name?
    /// The file that `ovafs extract` makes in a folder; nil where the disk is not decoded.
    package let copy: Name?
    package let format: String
    /// What the guest sees, in bytes; nil where that is not known.
    package let virtualSize: UInt64?
    /// What the package stores, with the parts of the image, in bytes.
    package let storedSize: UInt64
    /// Guest bytes that are not holes.
    package let dataSize: UInt64?
    /// Whether `dataSize` is an estimate.
    package let dataSizeIsEstimate: Bool?
    /// What the image allocates at a time, in bytes: cluster, grain or block; nil where its format has nothing of the kind.
    package let clusterSize: UInt64?
    /// The name by which the image knows its parent; nil where it has none, or knows it by something else.
    package let parent: Name?
    /// The other files that the disk is read from.
    package let files: [FileSummary]
    /// `mbr` or `gpt`; nil where the disk has no partition table.
    package let partitionTable: String?
    /// What the partition table counts in, in bytes.
    package let sectorSize: UInt64?
    /// Where the partitions' files are, from the mount's root; nil where there are none.
    package let partitionFolder: Name?
    package let partitions: [PartitionSummary]
    /// Where the snapshots' files are, from the mount's root; nil where there are none.
    package let snapshotFolder: Name?
    package let snapshots: [SnapshotSummary]
    /// Nova's spelling: lsiLogic, lsiLogicsas, paraVirtual, busLogic, ide.
    package let adapter: String?
    /// Such as "scsi0:0".
    package let bus: String?
    package let isRoot: Bool
    /// Why the disk is not decoded.
    package let error: String?
    /// What the user can ask for so that it is decoded as far as it goes.
    package let remedy: Remedy?

    init(_ appliance: Appliance, _ index: Int) {
        let disk = appliance.disks[index]
        id = disk.identifier
        file = disk.storedName.isEmpty ? nil : Name(disk.storedName)
        raw = disk.rawPath.map { Name($0.joinedBySlashes) }
        copy = disk.copyName.map(Name.init)
        format = disk.formatName
        virtualSize = disk.source?.byteCount
        storedSize = disk.storedByteCount
        dataSize = disk.source == nil ? nil : disk.allocatedByteCount
        dataSizeIsEstimate = disk.source == nil ? nil : disk.allocationIsEstimate
        if case .decoded(let guest) = disk.content {
            clusterSize = guest.image.allocationUnitByteCount
            parent = (guest.image.parent?.names.first).map(Name.init)
        } else {
            clusterSize = nil
            parent = nil
        }
        files = disk.files.map(FileSummary.init)
        partitionTable = disk.partitions?.table.scheme.rawValue
        sectorSize = disk.partitions?.table.sectorByteCount
        partitions = disk.partitions?.table.partitions.map(PartitionSummary.init) ?? []
        partitionFolder = disk.partitions.flatMap { partitions in
            partitions.folder.isEmpty
                ? nil : Self.folder(ControlDirectory.partitions, of: partitions.folder)
        }
        snapshots = disk.snapshots?.snapshots.map(SnapshotSummary.init) ?? []
        snapshotFolder = disk.snapshots.map { Self.folder(ControlDirectory.snapshots, of: $0.folder) }
        adapter = appliance.adapter(ofDisk: index)?.rawValue
        bus = appliance.bus(ofDisk: index)
        isRoot = appliance.isRoot(index)
        if case .unreadable(let reason, let remedy) = disk.content {
            error = reason
            self.remedy = remedy
        } else {
            error = nil
            remedy = nil
        }
    }

    private static func folder(_ root: [UInt8], of folder: [[UInt8]]) -> Name {
        Name(([ControlDirectory.name, root] + folder).joinedBySlashes)
    }
}
