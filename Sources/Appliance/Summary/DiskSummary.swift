// What `info` says of a disk.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import OVFPackage

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
    /// What the package stores, in bytes.
    package let storedSize: UInt64
    /// Guest bytes that are not holes.
    package let dataSize: UInt64?
    /// Whether `dataSize` is an estimate.
    package let dataSizeIsEstimate: Bool?
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
        adapter = appliance.adapter(ofDisk: index)?.rawValue
        bus = appliance.layout?.attachment(ofDisk: index)?.busAddress
        isRoot = appliance.layout.map { $0.rootDisk?.diskIndex == index } ?? (appliance.package == nil)
        if case .unreadable(let reason, let remedy) = disk.content {
            error = reason
            self.remedy = remedy
        } else {
            error = nil
            remedy = nil
        }
    }
}
