// What a catalogue keeps of an image while it is listed.
// SPDX-License-Identifier: Apache-2.0

import FileTree
package import RemoteSources

/// An image as the service described it when it was listed, without its properties: there may be many.
package struct CatalogueImage: Sendable {
    package let id: String
    let name: String?
    let status: String
    let containerFormat: String?
    let diskFormat: String?
    let byteCount: UInt64
    let virtualByteCount: UInt64?
    /// In seconds since 1970.
    let modificationTime: Int64
    let version: ObjectVersion?

    /// Nil where the image has no data that could be read now.
    package init?(_ image: GlanceImage) {
        guard image.unusableReason == nil else { return nil }
        id = image.id
        name = image.name
        status = image.status.word
        containerFormat = image.containerFormat
        diskFormat = image.diskFormat
        byteCount = image.byteCount ?? 0
        virtualByteCount = image.virtualByteCount
        modificationTime = (image.updatedAt ?? image.createdAt)?.seconds ?? 0
        version = image.version
    }

    /// Whether `image` has other data than this one.
    func isReplaced(by image: ObjectVersion?) -> Bool {
        guard let version, let image else { return false }
        return version != image
    }

    /// The attributes `user.ova.*` of the image's folder.
    var extendedAttributes: [ExtendedAttribute] {
        let values: [(String, String?)] = [
            ("image-id", id), ("image-name", name), ("status", status),
            ("container-format", containerFormat), ("disk-format", diskFormat),
            ("stored-size", String(byteCount)), ("virtual-size", virtualByteCount.map { String($0) }),
        ]
        return values.compactMap { name, value in
            value.map { value in ExtendedAttribute("user.ova.\(name)") { value } }
        }
    }
}
