// The files of a package, for images in it that lead to others.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import OVFPackage
import SystemPackage

/// What the images of one package may lead to, and what they did.
final class PackageNeighbours: Sendable {
    /// What images led to.
    struct Usage {
        /// As indices of the package's list.
        var members: Set<Int> = []
        /// Files of the folder that are none of the package's, as texts.
        var outsiders: Set<String> = []
    }

    private struct State {
        var usage = Usage()
        /// Nil before an image first asks for another file.
        var index: FolderIndex?
        /// By their numbers in the index.
        var folders: [Int: MemberFolder] = [:]
    }

    private let package: OVFPackage
    /// The folder of a package that is one.
    private let path: FilePath?
    private let resources: DiskResources
    private let state = SleepingMutex(State())

    init(of package: OVFPackage, in path: FilePath?, resources: DiskResources) {
        self.package = package
        self.path = path
        self.resources = resources
    }

    var usage: Usage { state.withLock { $0.usage } }

    /// The files beside member `index`.
    func neighbours(ofMember index: Int) -> any NeighbourFiles {
        MemberNeighbours(all: self, member: index)
    }

    /// The folder that member `index` is in.
    fileprivate func folder(ofMember index: Int) throws(ReadError) -> MemberFolder {
        if let known = state.withLock({ state in state.index.flatMap { state.folders[$0.folders[index]] } }) {
            return known
        }
        let folders: FolderIndex
        if let known = state.withLock({ $0.index }) {
            folders = known
        } else {
            folders = try FolderIndex(of: package.members, budget: resources.budget)
            state.withLock { $0.index = folders }
        }
        let number = folders.folders[index]
        let folder = MemberFolder(
            folders.members(inFolder: number, of: package.members),
            outside: path.map {
                FolderNeighbours(
                    path: $0, components: package.members[index].components.dropLast(), resources: resources)
            })
        state.withLock { $0.folders[number] = folder }
        return folder
    }

    /// Member `index`, in `folder`.
    fileprivate func file(_ index: Int, in folder: MemberFolder) throws(ReadError) -> NeighbourFile {
        let member = package.members[index]
        guard member.missingByteCount == 0 || resources.isLenient else {
            throw .refused(
                record: String(displaying: member.path), offset: nil,
                reason: "the archive ends \(member.missingByteCount) bytes too early for it", remedy: .lenient
            )
        }
        let image = folder.images.withLock { $0[index] } ?? SharedImage()
        return NeighbourFile(
            member.source, named: String(displaying: member.path), key: member.storedPlace(at: index).key,
            image: image
        ) { [self] in
            folder.images.withLock { $0[index] = image }
            state.withLock { _ = $0.usage.members.insert(index) }
        }
    }

    fileprivate func noteOutsider(_ name: String) {
        state.withLock { _ = $0.usage.outsiders.insert(name) }
    }
}

/// A folder of a package, as far as images may lead to what is in it.
private final class MemberFolder: Sendable {
    /// Its members, as indices of the package's list, by their names.
    let members: [ByteString: Int]
    /// Its other files, where the package is a folder.
    let outside: FolderNeighbours?
    let identities = FolderIdentities()
    /// Those of the members that are parts of disks, by their indices.
    let images = SleepingMutex<[Int: SharedImage]>([:])

    init(_ members: [ByteString: Int], outside: FolderNeighbours?) {
        self.members = members
        self.outside = outside
    }
}

/// The files beside one image: members of its package, and where that is a folder its other files.
private struct MemberNeighbours: NeighbourFiles {
    let all: PackageNeighbours
    /// The image, as an index of the package's list.
    let member: Int

    func file(named name: [UInt8]) throws(ReadError) -> NeighbourFile? {
        let folder = try all.folder(ofMember: member)
        if let index = folder.members[ByteString(name)] { return try all.file(index, in: folder) }
        guard let file = try folder.outside?.file(named: name) else { return nil }
        return NeighbourFile(file.source, named: file.name, key: file.key, image: file.image) { [all] in
            file.use()
            all.noteOutsider(file.name)
        }
    }

    func names(atMost limit: Int) throws(ReadError) -> [[UInt8]] {
        let folder = try all.folder(ofMember: member)
        let names = Set(folder.members.keys.map(\.bytes)).union(
            try folder.outside?.names(atMost: limit) ?? [])
        return Array(names.sorted { $0.lexicographicallyPrecedes($1) }.prefix(limit))
    }

    var place: String { "in the package" }

    func isFolder(at path: [[UInt8]]) -> Bool {
        (try? all.folder(ofMember: member))?.outside?.isFolder(at: path) ?? false
    }

    var identities: FolderIdentities {
        // One that cannot be had is not kept, either.
        (try? all.folder(ofMember: member))?.identities ?? FolderIdentities()
    }
}

extension PackageMember.StoredPlace {
    /// The file, as chains tell files apart.
    var key: FileKey {
        switch self {
        case .archive(let headerOffset): FileKey([0, headerOffset])
        case .file(let index): FileKey([1, UInt64(index)])
        }
    }
}
