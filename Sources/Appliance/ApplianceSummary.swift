// What `info` says of an appliance.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import FoundationEssentials
import OVFPackage

/// The summary that `ovafs info --json` and `.ova/info.json` show; its JSON is described in docs/INFO.md.
package struct ApplianceSummary: Codable, Sendable {
    /// The version of this schema: it grows when a field changes its meaning, not when one is added.
    package var version = 1
    package let kind: Kind
    package let disks: [Disk]
    package let members: [Member]
    package let warnings: [String]

    package enum Kind: String, Codable, Sendable {
        case archive
        case folder
        case disk
    }

    package struct Disk: Codable, Sendable {
        package let id: String
        package let file: Name?
        /// The raw file, from the mount's root; nil where the disk is not decoded.
        package let raw: Name?
        package let format: String
        /// What the guest sees, in bytes; nil where that is not known.
        package let virtualSize: UInt64?
        /// What the package stores, in bytes.
        package let storedSize: UInt64
        /// Guest bytes that are not holes.
        package let dataSize: UInt64?
        package let error: String?
        package let warnings: [String]
    }

    package struct Member: Codable, Sendable {
        package let name: Name
        package let size: UInt64
        /// Bytes that the archive ends too early to hold.
        package let missing: UInt64?
    }

    /// A file name. Where it is not UTF-8, `text` has U+FFFD in it and `hex` the bytes.
    package struct Name: Codable, Sendable {
        package let text: String
        package let hex: String?

        init(_ bytes: [UInt8]) {
            text = String(decoding: bytes, as: UTF8.self)
            let isExact = text.utf8.elementsEqual(bytes)
            hex =
                isExact
                ? nil : bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
    }

    package init(of appliance: Appliance) {
        switch appliance.package?.container {
        case .archive: kind = .archive
        case .folder: kind = .folder
        case nil: kind = .disk
        }
        disks = appliance.disks.map(Disk.init)
        members = appliance.package?.members.map(Member.init) ?? []
        warnings = appliance.warnings.map(\.description)
    }

    /// The summary as JSON, with keys in order and a line end.
    package func json() -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else {
            preconditionFailure("a summary of strings and numbers is JSON")
        }
        return Array(data) + [UInt8(ascii: "\n")]
    }
}

extension ApplianceSummary.Disk {
    init(_ disk: ApplianceDisk) {
        id = disk.identifier
        file = disk.storedName.isEmpty ? nil : ApplianceSummary.Name(disk.storedName)
        raw = disk.rawPath.map { ApplianceSummary.Name(Array($0.joined(separator: [UInt8(ascii: "/")]))) }
        format = disk.formatName
        virtualSize = disk.source?.byteCount
        storedSize = disk.storedByteCount
        dataSize = disk.source == nil ? nil : disk.allocatedByteCount
        warnings = disk.warnings
        if case .unreadable(let reason) = disk.content { error = reason } else { error = nil }
    }
}

extension ApplianceSummary.Member {
    init(_ member: PackageMember) {
        name = ApplianceSummary.Name(member.path)
        size = member.byteCount
        missing = member.missingByteCount > 0 ? member.missingByteCount : nil
    }
}
