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
        /// Members by their paths; nil before it is first asked for.
        fileprivate var places: [ByteString: Int]?
    }

    private let package: OVFPackage
    /// The folder of a package that is one.
    private let path: FilePath?
    fileprivate let resources: DiskResources
    private let state = SleepingMutex(Usage())

    init(of package: OVFPackage, in path: FilePath?, resources: DiskResources) {
        self.package = package
        self.path = path
        self.resources = resources
    }

    var usage: Usage { state.withLock { $0 } }

    /// The files beside member `index`.
    func neighbours(ofMember index: Int) -> any NeighbourFiles {
        MemberNeighbours(
            all: self, folder: package.members[index].components.dropLast(),
            outside: path.map {
                FolderNeighbours(
                    path: $0, components: package.members[index].components.dropLast(), resources: resources)
            })
    }

    /// The member at `components`.
    fileprivate func member(at components: [[UInt8]]) throws(ReadError) -> NeighbourFile? {
        let index: Int? = state.withLock { state in
            if state.places == nil { state.places = places() }
            return state.places?[ByteString(Array(components.joinedBySlashes))]
        }
        guard let index else { return nil }
        let member = package.members[index]
        guard member.missingByteCount == 0 || resources.isLenient else {
            throw .refused(
                record: String(displaying: member.path), offset: nil,
                reason: "the archive ends \(member.missingByteCount) bytes too early for it", remedy: .lenient
            )
        }
        return NeighbourFile(
            member.source, named: String(displaying: member.path), key: member.storedPlace(at: index).key,
            noteUse: { self.state.withLock { _ = $0.members.insert(index) } })
    }

    fileprivate func noteOutsider(_ name: String) {
        state.withLock { _ = $0.outsiders.insert(name) }
    }

    fileprivate func names(in folder: ArraySlice<[UInt8]>, atMost limit: Int) -> [[UInt8]] {
        Array(
            package.members.lazy.filter { $0.isReferable && $0.components.dropLast() == folder }
                .map(\.name).prefix(limit))
    }

    private func places() -> [ByteString: Int] {
        var places: [ByteString: Int] = [:]
        for (index, member) in package.members.enumerated() where member.isReferable {
            places[ByteString(Array(member.components.joinedBySlashes))] = index
        }
        return places
    }
}

/// The files beside one image: members of its package, and where that is a folder its other files.
private struct MemberNeighbours: NeighbourFiles {
    let all: PackageNeighbours
    let folder: ArraySlice<[UInt8]>
    let outside: FolderNeighbours?

    func file(named name: [UInt8]) throws(ReadError) -> NeighbourFile? {
        if let member = try all.member(at: folder + [name]) { return member }
        guard let file = try outside?.file(named: name) else { return nil }
        return NeighbourFile(
            file.source, named: file.name, key: file.key,
            noteUse: {
                file.noteUse()
                all.noteOutsider(file.name)
            })
    }

    func names(atMost limit: Int) throws(ReadError) -> [[UInt8]] {
        let members = all.names(in: folder, atMost: limit)
        guard let outside else { return members }
        return Array(
            Set(members + (try outside.names(atMost: limit))).sorted { $0.lexicographicallyPrecedes($1) }
                .prefix(limit))
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
