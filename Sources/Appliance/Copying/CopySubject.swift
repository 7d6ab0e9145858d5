// What can be copied out of an appliance: a disk, a partition, a snapshot.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import DiskImages
package import OVFPackage
import Partitions

/// A disk, or a part of one, as `ovafs extract` copies it.
package struct CopySubject: Sendable {
    /// The disk that it is, or that it is a part of.
    package let disk: ApplianceDisk
    /// Whether it is a partition or a snapshot.
    package let isPart: Bool
    /// What it is, such as `disk vmdisk1`.
    package let title: String
    /// The name of its file, or of a part's path, for people.
    package let label: String
    /// What its file is called in a folder with others, as bytes.
    package let fileName: [UInt8]
    /// Nil where the disk is not decoded.
    package let bytes: (any ByteSource)?
    /// Where the bytes are on a guest disk; nil where they are on none.
    package let place: DiskPlace?
    /// What is questionable about it, one line each.
    package let notes: [PackageWarning]
    /// Bytes of a partition that would be behind the end of the disk.
    package let missingByteCount: UInt64

    /// What is to be said of `missingByteCount`; nil where nothing is missing. It is damage: a copy without it is no copy.
    package var missingEnd: String? {
        missingByteCount > 0 ? "the disk ends \(missingByteCount) bytes before it does" : nil
    }

    private static let fileExtension = Array(".raw".utf8)

    /// A whole disk.
    package init(_ disk: ApplianceDisk) {
        self.disk = disk
        isPart = false
        title = "disk \(disk.identifier)"
        label = disk.rawFileName
        fileName = disk.copyName ?? Array("disk.raw".utf8)
        bytes = disk.source
        place = disk.source.flatMap { DiskPlace(ofDisk: $0) }
        notes = disk.warnings + disk.lostParts
        missingByteCount = 0
    }

    /// The partition whose file is `path`; nil where the disk does not have it.
    init?(_ partition: Partition, of disk: ApplianceDisk, at path: [[UInt8]]) {
        guard case .decoded(let guest) = disk.content,
            let bytes = try? SubrangeSource(
                of: guest, from: partition.offset, byteCount: partition.byteCount,
                named: "partition \(partition.number)")
        else { return nil }
        self.disk = disk
        isPart = true
        label = String(displaying: path.joinedBySlashes)
        title = "partition \(label)"
        fileName = Self.fileName(of: path)
        self.bytes = bytes
        place = DiskPlace(guest, from: partition.offset)
        notes = disk.warnings
        missingByteCount = partition.declaredByteCount - partition.byteCount
    }

    /// The snapshot whose file is `path`.
    init(_ snapshot: DiskSnapshots.Snapshot, of disk: ApplianceDisk, at path: [[UInt8]]) {
        self.disk = disk
        isPart = true
        label = String(displaying: path.joinedBySlashes)
        title = "snapshot \(label)"
        fileName = Self.fileName(of: path)
        bytes = snapshot.disk
        place = DiskPlace(snapshot.disk, from: 0)
        notes = disk.warnings
        missingByteCount = 0
    }

    /// `path` as one name: with `_` between its names, and `.raw` behind it.
    private static func fileName(of path: [[UInt8]]) -> [UInt8] {
        let stem = RawName.stem(Array(path.joined(separator: [UInt8(ascii: "_")])))
        return stem.prefix(NumberedNames.longestByteCount - fileExtension.count) + fileExtension
    }
}
