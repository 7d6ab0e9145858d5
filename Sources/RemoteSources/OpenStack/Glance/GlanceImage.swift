// What an image service says of an image.
// SPDX-License-Identifier: Apache-2.0

/// An image as the service describes it. Texts are the server's: they are for people, names and comparing.
/// Spec: Image API v2, "Images", "Show image".
package struct GlanceImage: Sendable, Equatable {
    /// What the service does with the image.
    package enum Status: Sendable, Equatable {
        case active
        /// Made, and nothing was uploaded yet.
        case queued
        /// Data is coming in: `saving`, `uploading` or `importing`.
        case incoming(String)
        /// An administrator stopped its use.
        case deactivated
        /// `deleted` or `pending_delete`.
        case deleted
        /// Its upload failed.
        case killed
        case unknown(String)
    }

    /// A UUID in small letters, as the service writes it.
    package let id: String
    /// Nil where the image has none; several images may have one name.
    package let name: String?
    package let status: Status
    /// How the data is packed: `bare`, `ova`, `ovf`, `compressed`, …
    package let containerFormat: String?
    /// What the data is, as whoever uploaded it said: `raw`, `qcow2`, `vmdk`, …
    package let diskFormat: String?
    /// Stored bytes; nil until they are there.
    package let byteCount: UInt64?
    /// The disk's size in bytes; nil where the service does not know it.
    package let virtualByteCount: UInt64?
    /// The name of the digest, such as `sha512`, and its hexadecimal digits; nil where there is none.
    package let digestAlgorithm: String?
    package let digest: String?
    /// The MD5 of its data, where the service has one.
    package let checksum: String?
    package let createdAt: ServiceTime?
    package let updatedAt: ServiceTime?
    /// `updated_at` as it was written: what tells one state of the image from another.
    package let updatedAtText: String
    package let isHidden: Bool
    package let visibility: String?
    package let owner: String?
    /// In GiB.
    package let leastDiskSize: UInt64?
    /// In MiB.
    package let leastMemorySize: UInt64?
    /// What else is said of the image, such as `vmware_adaptertype` and `hw_disk_bus`, in the order of the names' bytes.
    package let properties: [Property]

    package struct Property: Sendable, Equatable {
        package let name: String
        package let value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The value of a property; nil where there is none.
    package func property(_ name: String) -> String? {
        properties.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    /// What must not change while the image is read: length and digest, and, where the service has no digest, the time of the
    /// last change of anything that it knows of the image; nil where it does not know the length yet.
    package var version: ObjectVersion? {
        guard status == .active || status == .deactivated, let byteCount else { return nil }
        let digest = self.digest.map { "\(digestAlgorithm ?? ""):\($0)" } ?? ""
        return ObjectVersion(
            byteCount: byteCount,
            validator: .image(digest: digest, updatedAt: digest.isEmpty ? updatedAtText : ""))
    }

    /// The image, for messages: its name and id.
    package var shownName: String {
        guard let name, !name.isEmpty else { return "image \(id)" }
        return "image \(ServiceText.quotable(name)) (\(id))"
    }

    /// Whether `text` is an image's id: the service makes no others, and takes no others.
    package static func isID(_ text: String) -> Bool {
        let bytes = Array(text.utf8.prefix(37))
        return bytes.count == 36
            && bytes.indices.allSatisfy { index in
                [8, 13, 18, 23].contains(index)
                    ? bytes[index] == UInt8(ascii: "-") : bytes[index].isHexadecimalDigit
            }
    }
}
