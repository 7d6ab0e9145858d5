// What a descriptor says, as values named after DSP0243.
// SPDX-License-Identifier: Apache-2.0

/// The descriptor of a package. `EnvelopeParser` makes it; nothing here knows XML.
/// Spec: DSP0243 2.1, 7 "OVF envelope element".
package struct Envelope: Sendable, Equatable {
    /// The namespace of the root element; empty where it has none.
    package internal(set) var namespace = ""
    /// `ovf:version`, as written.
    package internal(set) var version: String?
    /// The References section, in document order.
    package internal(set) var files: [FileReference] = []
    /// The DiskSection, in document order.
    package internal(set) var disks: [VirtualDisk] = []
    package internal(set) var networks: [LogicalNetwork] = []
    /// The DeploymentOptionSection, in document order.
    package internal(set) var configurations: [DeploymentConfiguration] = []
    /// The configuration that items and properties were chosen for; nil where there is none.
    package internal(set) var chosenConfiguration: String?
    /// Every virtual system, in document order, those of collections too.
    package internal(set) var systems: [VirtualSystem] = []
    /// Every collection, in document order.
    package internal(set) var collections: [VirtualSystemCollection] = []
    /// Products, annotations and licences of the package as a whole.
    package internal(set) var descriptions = DescriptiveSections()
    /// What `GanetiSection` says, flattened; nil where there is none.
    package internal(set) var ganeti: [SectionValue]?

    /// The file of a disk; nil where the disk has none or it dangles.
    package func file(of disk: VirtualDisk) -> FileReference? { disk.fileIndex.map { files[$0] } }
}

/// A `File` of the References section.
package struct FileReference: Sendable, Equatable {
    package let id: String
    /// Where the file is, as written; empty where the attribute is missing.
    package let href: String
    /// `ovf:size`, in bytes: as stored, of all chunks together.
    package let byteCount: UInt64?
    package let compression: Compression
    /// `ovf:chunkSize`, in bytes; nil where the file is in one piece.
    package let chunkByteCount: UInt64?
    /// The line of the descriptor.
    package let line: Int

    package enum Compression: Sendable, Equatable {
        case none
        case gzip
        /// A value that is not in the standard, as written.
        case other(String)
    }
}

/// A `Disk` of the DiskSection.
package struct VirtualDisk: Sendable, Equatable {
    package let id: String
    /// `ovf:fileRef`, as written; nil for a disk that is blank when deployed.
    package let fileReference: String?
    /// The file in `Envelope.files`; nil where there is none or the reference dangles.
    package internal(set) var fileIndex: Int?
    /// The capacity that the guest sees, in bytes; nil where it is missing or cannot be known.
    package let capacity: UInt64?
    /// `ovf:populatedSize`, in bytes.
    package let populatedByteCount: UInt64?
    /// `ovf:format`, a URL; a hint only.
    package let format: String?
    /// `ovf:parentRef`, as written.
    package let parentReference: String?
    /// The disk in `Envelope.disks` that this one changes; nil where there is none, it dangles, or it is in a cycle.
    package internal(set) var parentIndex: Int?
    /// `ovf:boot` or `xenovf:isBootable`.
    package let isBootable: Bool
    package let line: Int
}

/// A `Network` of the NetworkSection.
package struct LogicalNetwork: Sendable, Equatable {
    package let name: String
    package let description: String
}

/// A `Configuration` of the DeploymentOptionSection.
package struct DeploymentConfiguration: Sendable, Equatable {
    package let id: String
    package let label: String
    package let description: String
    package let isDefault: Bool
}

/// A `VirtualSystemCollection`.
package struct VirtualSystemCollection: Sendable, Equatable {
    package let id: String
    package let name: String
    /// The collection in `Envelope.collections` that holds this one.
    package let parentIndex: Int?
}

/// Sections for people, of a package or of a virtual system.
package struct DescriptiveSections: Sendable, Equatable {
    package internal(set) var products: [Product] = []
    package internal(set) var annotations: [String] = []
    /// What each EulaSection calls itself: its `Info`.
    package internal(set) var licenses: [String] = []
    /// Sections of vendors and others that are kept, and not understood.
    package internal(set) var otherSections: [OtherSection] = []
}

/// A `ProductSection`.
package struct Product: Sendable, Equatable {
    package let name: String
    package let vendor: String
    package let version: String
    package let fullVersion: String
    package let url: String
    package let className: String
    package let instance: String
    package let properties: [Property]

    /// A `Property`; what a deployment may set.
    package struct Property: Sendable, Equatable {
        package let key: String
        package let type: String
        /// For the chosen configuration.
        package let value: String?
        package let label: String
    }
}

/// A section that is kept, and not understood.
package struct OtherSection: Sendable, Equatable {
    package let namespace: String
    package let name: String
    package let info: String
    package let line: Int
}

/// One value of a section that is summarised: the elements on the way to it, joined by slashes, and its text.
package struct SectionValue: Sendable, Equatable {
    package let path: String
    package let value: String
}
