// What files say of themselves through extended attributes.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import OVFPackage

extension Appliance {
    /// The longest value, in bytes: Linux takes 64 KiB, and cp(1) fails on a file whose attributes it cannot read.
    private static let longestValueByteCount = 32 << 10

    /// The attributes `user.ova.*` of a raw disk.
    func extendedAttributes(ofDisk index: Int) -> [ExtendedAttribute] {
        let disk = disks[index]
        let stated = image.map { $0.attributes } ?? []
        let own: [(name: String, value: String?)] = [
            ("disk-id", disk.identifier),
            ("file", disk.storedName.isEmpty ? nil : String(displaying: disk.storedName)),
            ("virtual-size", String(disk.source?.byteCount ?? 0)),
            ("stored-size", String(disk.storedByteCount)),
            ("adapter", adapter(ofDisk: index)?.rawValue),
            ("bus", bus(ofDisk: index)),
            ("root", isRoot(index) ? "true" : "false"),
        ]
        let fixed = (own + stated).compactMap { name, value in
            value.map { value in
                let shown = Self.shortened(value)
                return ExtendedAttribute("user.ova.\(name)") { shown }
            }
        }
        let state = ExtendedAttribute("user.ova.state") { Self.shortened(disk.state) }
        // That of an image that comes later is known later.
        let format = ExtendedAttribute("user.ova.format") { disk.formatName }
        return fixed + [format, state] + manifestAttributes(ofMembers: disk.memberIndices)
    }

    private static func shortened(_ value: String) -> String {
        guard value.utf8.count > longestValueByteCount else { return value }
        return String(decoding: value.utf8.prefix(longestValueByteCount), as: UTF8.self) + "…"
    }

    /// `user.ova.manifest`: what is known by now of the digests of these members.
    func manifestAttributes(ofMembers members: [Int]) -> [ExtendedAttribute] {
        guard !members.isEmpty else { return [] }
        guard let checks else {
            // One may be in what has not come.
            let state: ManifestChecks.State = package?.isForeseen == true ? .unchecked : .unlisted
            return [ExtendedAttribute("user.ova.manifest") { state.rawValue }]
        }
        return [ExtendedAttribute("user.ova.manifest") { checks.state(ofMembers: members).rawValue }]
    }
}
