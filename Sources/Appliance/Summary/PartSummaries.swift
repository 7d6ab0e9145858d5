// What `info` says of the partitions, snapshots and files of a disk.
// SPDX-License-Identifier: Apache-2.0

package import DiskImages
import OVFPackage
import Partitions

/// A file that the disk is read from beside its own.
package struct FileSummary: Codable, Sendable {
    /// As messages call it.
    package let name: String
    package let use: OtherFile.Use
    /// In bytes; of a compressed file what it decodes to.
    package let size: UInt64

    init(_ file: OtherFile) {
        name = file.name
        use = file.use
        size = file.byteCount
    }
}

package struct PartitionSummary: Codable, Sendable {
    /// As Linux numbers it; its file is called so.
    package let number: Int
    /// On the disk, in bytes.
    package let start: UInt64
    /// In bytes, as far as the disk goes.
    package let size: UInt64
    /// What the table says, where the disk ends before it.
    package let declaredSize: UInt64?
    /// Two hexadecimal digits of an MBR, or a GUID.
    package let type: String
    package let name: String?
    /// As blkid(8) shows it as PARTUUID.
    package let uuid: String?

    init(_ partition: Partition) {
        number = partition.number
        start = partition.offset
        size = partition.byteCount
        declaredSize = partition.isCutShort ? partition.declaredByteCount : nil
        type = partition.type.description
        name = partition.name.isEmpty ? nil : partition.name
        uuid = partition.identifier.isEmpty ? nil : partition.identifier
    }
}

package struct SnapshotSummary: Codable, Sendable {
    package let name: Name
    /// As the image counts its snapshots.
    package let id: Name?
    /// When it was taken, in seconds since 1970.
    package let time: Int64
    /// Of the disk at that time, in bytes.
    package let virtualSize: UInt64
    /// The raw file, in the disk's folder.
    package let file: Name

    init(_ snapshot: DiskSnapshots.Snapshot) {
        name = Name(snapshot.name)
        id = snapshot.identifier.isEmpty ? nil : Name(snapshot.identifier)
        time = snapshot.creationTime
        virtualSize = snapshot.virtualByteCount
        file = Name(snapshot.fileName)
    }
}
