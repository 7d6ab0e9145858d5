// What `info` says of an appliance.
// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import OVFPackage

/// The summary that `ovafs info --json` and `.ova/info.json` show; its JSON is described in docs/INFO.md.
package struct ApplianceSummary: Codable, Sendable {
    /// The version of this schema: it grows when a field changes its meaning or goes, not when one is added.
    package private(set) var version = 1
    package let kind: Kind
    package let systems: [SystemSummary]
    package let disks: [DiskSummary]
    package let networks: [String]
    package let configuration: String?
    package let manifest: ManifestSummary?
    package let members: [Member]
    /// What `GanetiSection` says, by the path of its elements.
    package let ganeti: [String: String]?
    package let warnings: [Finding]
    /// What the image service says; nil for what is not from one.
    package let image: ImageSummary?

    /// An image of an image service.
    package struct ImageSummary: Codable, Sendable {
        package let id: String
        package let name: String?
        package let containerFormat: String?
        package let diskFormat: String?
        package let properties: [String: String]
    }

    package enum Kind: String, Codable, Sendable {
        case archive
        case folder
        case disk
    }

    package struct Member: Codable, Sendable {
        package let name: Name
        package let size: UInt64
        /// Bytes that the archive ends too early to hold.
        package let missing: UInt64?
    }

    package struct ManifestSummary: Codable, Sendable {
        package let name: Name
        package let algorithms: [String]
        /// Whether there is a certificate beside it; `ovafs verify` checks it.
        package let isSigned: Bool
    }

    package init(of appliance: Appliance) {
        switch appliance.package?.container {
        case .archive: kind = .archive
        case .folder: kind = .folder
        case nil: kind = .disk
        }
        systems = SystemSummary.all(of: appliance)
        disks = appliance.disks.indices.map { DiskSummary(appliance, $0) }
        networks = appliance.envelope?.networks.map(\.name) ?? []
        configuration = appliance.envelope?.chosenConfiguration
        manifest = appliance.package?.manifest.map { member in
            let algorithms = appliance.checks?.map.algorithms.map(\.rawValue).sorted() ?? []
            return ManifestSummary(
                name: Name(member.path), algorithms: algorithms,
                isSigned: appliance.package?.certificate != nil)
        }
        members = appliance.package?.members.map(Member.init) ?? []
        ganeti = appliance.envelope?.ganeti.map { values in
            Dictionary(values.map { ($0.path, $0.value) }, uniquingKeysWith: { $0 + ", " + $1 })
        }
        warnings = appliance.findings
        image = appliance.image.map { image in
            ImageSummary(
                id: image.id, name: image.name, containerFormat: image.containerFormat,
                diskFormat: image.diskFormat,
                properties: Dictionary(
                    image.properties.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first }))
        }
    }

    /// The summary as JSON, with keys in order and a line end.
    package func json() -> [UInt8] {
        JSONText.encode(self)
    }
}

extension ApplianceSummary.Member {
    init(_ member: PackageMember) {
        name = Name(member.path)
        size = member.byteCount
        missing = member.missingByteCount > 0 ? member.missingByteCount : nil
    }
}
