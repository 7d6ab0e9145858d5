// A disk's file as an image service could have it.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import DiskImages
import OVFPackage

/// The stored bytes of a disk, and what an image service calls them.
/// Spec: Image API v2, "Disk Formats" and "Container Formats".
package struct StoredImage: Sendable {
    package let bytes: any ByteSource
    /// Nil where the service has no word for the format, or the file is of none that is read.
    package let diskFormat: String?
    /// `bare`, or `compressed` for a file of gzip.
    package let containerFormat: String
    /// Called when all bytes have been read.
    package let check: @Sendable () throws(ReadError) -> Void

    /// Why a disk is no one file; one line.
    package struct Refusal: Error, Equatable {
        package let reason: String
    }

    /// Where an ISO 9660 file system says what it is, and how.
    /// Spec: ECMA-119, 8.1.
    private static let discMark = (offset: UInt64(32_769), bytes: Array("CD001".utf8))

    /// What an image service calls the format of a file of raw bytes: `iso` for the image of a disc.
    /// - Throws: `ReadError` where the mark cannot be read.
    package static func rawFormat(of bytes: any ByteSource) throws(ReadError) -> String {
        let count = discMark.bytes.count
        guard bytes.byteCount >= discMark.offset + UInt64(count) else { return "raw" }
        return try bytes.bytes(count, at: discMark.offset) == discMark.bytes ? "iso" : "raw"
    }

    fileprivate static func diskFormat(of disk: ApplianceDisk) throws(ReadError) -> String? {
        guard case .decoded(let guest) = disk.content else { return nil }
        let format = guest.image.format
        if format == .raw { return try rawFormat(of: guest) }
        // A disk of Parallels is what Virtuozzo calls ploop.
        if format.family == "parallels" { return "ploop" }
        return ["vmdk", "qcow2", "vhd", "vhdx", "vdi"].first { $0 == format.family }
    }
}

extension Appliance {
    /// The file of the disk with this index, whose digest is checked by the manifest where it is read in order.
    /// - Throws: `StoredImage.Refusal` where there is no one file that has all of the disk.
    package func storedImage(ofDisk index: Int) throws(StoredImage.Refusal) -> StoredImage {
        let disk = disks[index]
        guard let stored = disk.stored else {
            throw StoredImage.Refusal(reason: "no file backs the disk")
        }
        if case .decoded(let guest) = disk.content, guest.isLayered {
            throw StoredImage.Refusal(reason: "the disk is read from more than one file")
        }
        let members = disk.memberIndices
        let bytes: any ByteSource
        do throws(ReadError) {
            bytes =
                members.isEmpty
                ? stored
                : try ConcatenatedSource(members.map { storedSource(ofMember: $0) }, named: disk.identifier)
        } catch {
            throw StoredImage.Refusal(reason: "\(error)")
        }
        let format: String?
        let compression: CompressionFormat?
        do throws(ReadError) {
            compression = try CompressionFormat(ofFile: stored)
            format = try StoredImage.diskFormat(of: disk)
        } catch {
            throw StoredImage.Refusal(reason: "\(error)")
        }
        guard compression == nil || compression == .gzip else {
            throw StoredImage.Refusal(
                reason:
                    "the file is compressed with \(compression?.name ?? ""), which image services do not know"
            )
        }
        let name = String(displaying: disk.storedName)
        return StoredImage(
            bytes: bytes, diskFormat: format, containerFormat: compression == nil ? "bare" : "compressed",
            check: { [checks] () throws(ReadError) in
                switch checks?.state(ofMembers: members) {
                case .ok, .unlisted, nil: return
                case .bad:
                    throw .corrupt(record: name, offset: 0, reason: "its digest is not that of the manifest")
                case .unchecked where bytes.byteCount == 0: return
                case .unchecked:
                    throw .corrupt(record: name, offset: 0, reason: "its digest was not checked")
                }
            })
    }

    /// What an image service should know of the disk with this index, in the order of the names.
    package func imageProperties(ofDisk index: Int) -> [ImageRecord.Property] {
        GlanceProperties(of: self, disk: index).properties
    }

    /// The root disk, by its index.
    package var rootDiskIndex: Int? {
        disks.indices.first(where: isRoot)
    }
}

extension CompressionFormat {
    /// Of a file that may be compressed.
    /// - Throws: `ReadError` where its start cannot be read.
    package init?(ofFile source: any ByteSource) throws(ReadError) {
        let count = Int(min(UInt64(Self.headByteCount), source.byteCount))
        self.init(firstBytes: try source.bytes(count, at: 0))
    }
}
