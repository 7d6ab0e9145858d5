// What an image service says of an image.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
package import OVFPackage

/// An image as its service describes it, and the properties that whoever uploaded it gave it. Texts are the service's:
/// they are shown, and believed in as far as a descriptor is.
package struct ImageRecord: Sendable, Equatable {
    package struct Property: Sendable, Equatable {
        package let name: String
        package let value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    package let id: String
    package let name: String?
    package let containerFormat: String?
    package let diskFormat: String?
    /// Nil where the service has none.
    package let digest: ImageDigest?
    /// In the order of their names; no more than `mostProperties`.
    package let properties: [Property]

    /// Extended attributes of a file are listed in 64 KiB.
    private static let mostProperties = 128
    /// What Linux takes, without `user.ova.property.`.
    private static let longestAttributeName = 200

    package init(
        id: String, name: String?, containerFormat: String?, diskFormat: String?,
        digest: ImageDigest? = nil, properties: [Property]
    ) {
        self.digest = digest
        self.id = id
        self.name = name
        self.containerFormat = containerFormat
        self.diskFormat = diskFormat
        self.properties = Array(properties.prefix(Self.mostProperties))
    }

    /// The value of a property; nil where there is none.
    package func property(_ name: String) -> String? {
        properties.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    /// `vmware_adaptertype`; nil where it is missing, or no adapter.
    /// Spec: Glance, "Useful image properties".
    package var adapter: AdapterType? {
        property("vmware_adaptertype").flatMap { value in
            [AdapterType.busLogic, .lsiLogic, .lsiLogicsas, .paraVirtual, .ide].first {
                $0.rawValue.utf8.map(\.lowercasedASCII) == value.utf8.prefix(32).map(\.lowercasedASCII)
            }
        }
    }

    /// `hw_disk_bus`, such as `virtio`; nil where it is missing, or no word.
    var bus: String? {
        property("hw_disk_bus").flatMap { value in
            !value.isEmpty && value.utf8.count <= 16 && Self.isPlain(value) ? value : nil
        }
    }

    /// What the root disk's file says of the image.
    var attributes: [(name: String, value: String?)] {
        let own: [(name: String, value: String?)] = [
            ("image-id", id), ("image-name", name), ("container-format", containerFormat),
            ("disk-format", diskFormat),
        ]
        let named = properties.filter {
            $0.name.utf8.count <= Self.longestAttributeName && Self.isShowable($0.name)
        }
        return own + named.map { (name: "property.\($0.name)", value: $0.value) }
    }

    /// Whether an attribute can be called so, and a terminal show it.
    private static func isShowable(_ name: String) -> Bool {
        !name.isEmpty && name.unicodeScalars.allSatisfy { !$0.isHidden }
    }

    /// Whether a text is made of letters, digits and a few marks of ASCII.
    static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte.lowercasedASCII)
                || "_-.:".utf8.contains(byte)
        }
    }
}
