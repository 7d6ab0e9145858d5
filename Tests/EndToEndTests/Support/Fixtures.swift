// Packages made for a test by qemu-img, mkfs.ext4, GNU tar and sha256sum.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// One entry of a descriptor's References.
struct ReferencedFile {
    var id: String
    var href: String
    /// Further attributes, as they stand in the XML.
    var attributes = ""
}

/// One entry of a descriptor's DiskSection.
struct ListedDisk {
    var id: String
    var file: String?
    /// As it stands in the XML, with its units.
    var capacity: String
}

/// A descriptor with one virtual system, whose disks hang on one SCSI controller in order.
func descriptor(files: [ReferencedFile], disks: [ListedDisk]) -> String {
    let fileLines = files.map { "<File ovf:id=\"\($0.id)\" ovf:href=\"\($0.href)\" \($0.attributes)/>" }
    let diskLines = disks.map { disk in
        let reference = disk.file.map { "ovf:fileRef=\"\($0)\"" } ?? ""
        return "<Disk ovf:diskId=\"\(disk.id)\" \(reference) ovf:capacity=\(disk.capacity)/>"
    }
    let items = disks.enumerated().map { index, disk in
        """
        <Item><rasd:AddressOnParent>\(index)</rasd:AddressOnParent>\
        <rasd:ElementName>disk \(index)</rasd:ElementName>\
        <rasd:HostResource>ovf:/disk/\(disk.id)</rasd:HostResource>\
        <rasd:InstanceID>\(index + 10)</rasd:InstanceID><rasd:Parent>3</rasd:Parent>\
        <rasd:ResourceType>17</rasd:ResourceType></Item>
        """
    }
    return """
        <?xml version="1.0" encoding="UTF-8"?>
        <Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" \
        xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" \
        xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
        <References>
        \(fileLines.joined(separator: "\n"))
        </References>
        <DiskSection><Info>Disks</Info>
        \(diskLines.joined(separator: "\n"))
        </DiskSection>
        <VirtualSystem ovf:id="vm"><Info>A machine</Info><Name>vm</Name>
        <VirtualHardwareSection><Info>Hardware</Info>
        <System><vssd:ElementName>Family</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID>\
        <vssd:VirtualSystemType>vmx-13</vssd:VirtualSystemType></System>
        <Item><rasd:Address>0</rasd:Address><rasd:ElementName>SCSI</rasd:ElementName>\
        <rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceSubType>lsilogic</rasd:ResourceSubType>\
        <rasd:ResourceType>6</rasd:ResourceType></Item>
        \(items.joined(separator: "\n"))
        </VirtualHardwareSection></VirtualSystem></Envelope>

        """
}

/// What tests make packages of.
enum Fixtures {
    /// A grain of the images that qemu-img makes, in bytes.
    static let grain = 65536

    /// Writes a sparse raw disk with stretches of bytes that do not compress.
    ///
    /// - Parameters:
    ///   - path: the new file.
    ///   - byteCount: the disk's size.
    ///   - data: the stretches.
    ///   - seed: decides the bytes.
    /// - Throws: when it cannot be written.
    static func rawDisk(_ path: String, byteCount: Int, data: [Range<Int>], seed: UInt64 = 1) throws {
        var random = SeededRandom(seed: seed)
        try Data().write(to: URL(fileURLWithPath: path))
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.truncate(atOffset: UInt64(byteCount))
        for range in data {
            try file.seek(toOffset: UInt64(range.lowerBound))
            try file.write(contentsOf: Data(random.bytes(range.count)))
        }
        try file.close()
    }

    /// An image of a raw disk, by qemu-img.
    ///
    /// - Throws: when qemu-img fails.
    static func vmdk(_ raw: String, to path: String, subformat: String = "streamOptimized") throws {
        try run(["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=\(subformat)", raw, path])
    }

    /// A tar of files in a folder, in this order, by GNU tar.
    ///
    /// - Throws: when tar fails.
    static func tar(_ members: [String], in folder: String, to path: String, format: String = "ustar") throws
    {
        try run(
            [
                "tar", "--create", "--file", path, "--format=\(format)", "--mtime=2026-01-02 03:04:05Z",
                "--mode=644",
            ] + members, in: URL(fileURLWithPath: folder))
    }

    /// Writes a SHA256 manifest of files in a folder.
    ///
    /// - Throws: when sha256sum fails.
    static func manifest(_ name: String, of members: [String], in folder: String) throws {
        let digests = try run(["sha256sum"] + members, in: URL(fileURLWithPath: folder)).lines
        let lines = digests.map { "SHA256(\($0.dropFirst(66)))= \($0.prefix(64))\n" }
        try Data(lines.joined().utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
    }

    /// The SHA-256 of a whole file, by sha256sum.
    ///
    /// - Throws: when sha256sum fails, as it does when a read fails.
    static func digest(_ path: String) throws -> String {
        String(try run(["sha256sum", path], limit: 120).text.prefix(64))
    }
}
