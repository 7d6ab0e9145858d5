// One file of a package: what it is called, how long it is, and its bytes.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// A file of a package, whatever holds the package.
package struct PackageMember: Sendable {
    /// The name as it is stored, bytes unchanged.
    package let path: [UInt8]
    /// Where the member is shown: folders and a file name, none of them empty, `.`, `..` or holding `/` or NUL,
    /// and different from every other member's.
    package let components: [[UInt8]]
    /// Whether `path` stays inside the package. A name with `..` or an absolute one is shown, never looked up by.
    package let isReferable: Bool
    /// How many bytes can be read.
    package var byteCount: UInt64 { source.byteCount }
    /// How many bytes the archive ends too early to hold; they are not part of `byteCount`.
    package let missingByteCount: UInt64
    /// The last modification, in seconds since 1970.
    package let modificationTime: Int64
    /// Where a member of an archive is stored.
    package let location: ArchiveLocation?
    /// The bytes.
    package let source: any ByteSource

    /// Where a member of an archive is stored, in bytes from the archive's start.
    package struct ArchiveLocation: Sendable, Equatable {
        package let headerOffset: UInt64
        package let dataOffset: UInt64
        /// Bytes stored for the member; less than it shows where it has holes.
        package let storedByteCount: UInt64
    }

    /// What tells two members apart by where they are stored: a hard link is stored where its file is.
    package enum StoredPlace: Hashable, Sendable {
        /// The header of a member of an archive, in bytes from the archive's start.
        case archive(headerOffset: UInt64)
        /// A file of a folder, by its index in the package's list.
        case file(Int)
    }

    /// Where the member, which is the package's number `index`, is stored.
    package func storedPlace(at index: Int) -> StoredPlace {
        location.map { .archive(headerOffset: $0.headerOffset) } ?? .file(index)
    }

    /// The same member, with its bytes read from `source`.
    func replacingSource(by source: any ByteSource) -> PackageMember {
        PackageMember(
            path: path, components: components, isReferable: isReferable, missingByteCount: missingByteCount,
            modificationTime: modificationTime, location: location, source: source)
    }

    /// The last component of the name, as shown.
    package var name: [UInt8] { components.last ?? [] }

    /// `path` without `.` components and doubled slashes; what an href is compared with.
    package var normalizedPath: [UInt8] { MemberPath(path).normalized }
}

/// A name in the archive or the folder that is not shown, and why.
package struct SkippedMember: Sendable, Equatable {
    package let path: [UInt8]
    package let kind: Kind
    /// In bytes from the archive's start; 0 in a folder.
    package let headerOffset: UInt64
    /// What the user can ask for instead; nil where nothing helps.
    package let remedy: Remedy?
    private let detail: String?

    /// `detail` says what it is, as the end of a sentence; without one, the kind does.
    init(
        path: [UInt8], kind: Kind, headerOffset: UInt64 = 0, detail: String? = nil, remedy: Remedy? = nil
    ) {
        self.path = path
        self.kind = kind
        self.headerOffset = headerOffset
        self.detail = detail
        self.remedy = remedy
    }

    /// What it is, as the end of a sentence about it.
    package var reason: String { detail ?? "a member that is not shown (\(kind.rawValue))" }

    /// What is wrong, as a sentence without its end.
    package var problem: String { "\"\(String(displaying: path))\" is \(reason)" }

    package enum Kind: String, Sendable {
        case symbolicLink = "symbolic link"
        case characterDevice = "character device"
        case blockDevice = "block device"
        case fifo = "fifo"
        case folder = "folder"
        case unreadable = "not readable as a file"
        case hardLinkWithoutTarget = "hard link to nothing that is shown"
        case damagedSparseMap = "sparse file with a damaged map"
        case continuedVolume = "continued from another volume"
        case other = "record of another program"
    }
}
