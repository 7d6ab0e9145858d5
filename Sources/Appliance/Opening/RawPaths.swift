// Where the raw files of a package's disks are shown.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

enum RawPaths {
    private static let maximumNameByteCount = 255

    /// Gives each disk that is decoded a path of its own, beside the members that are shown: in its member's
    /// folder, `<name>.raw`; with its extension where that would be another disk's or another file's; with a
    /// number where that is taken too.
    static func assign(to disks: inout [ApplianceDisk], beside members: [PackageMember]) {
        let decoded = Set(disks.filter { $0.source != nil }.flatMap(\.memberIndices))
        var taken = Set(members.indices.filter { !decoded.contains($0) }.map { members[$0].components })
        let wanted = disks.map { disk in
            disk.source == nil ? nil : path(of: disk, members, naming: RawName.plain)
        }
        var uses: [[[UInt8]]: Int] = [:]
        for path in wanted { if let path { uses[path, default: 0] += 1 } }
        for index in disks.indices {
            guard var path = wanted[index] else { continue }
            if uses[path] != 1 || taken.contains(path) {
                path = self.path(of: disks[index], members, naming: RawName.full)
            }
            path = firstFree(path, taken)
            taken.insert(path)
            disks[index].rawPath = path
        }
    }

    private static func path(
        of disk: ApplianceDisk, _ members: [PackageMember], naming: ([UInt8]) -> [UInt8]
    ) -> [[UInt8]] {
        guard let first = disk.memberIndices.first else {
            return [shown(Array(disk.identifier.utf8)) + Array(".raw".utf8)]
        }
        let folder = Array(members[first].components.dropLast())
        // Chunks are named after the file that they were cut from.
        let name =
            disk.memberIndices.count > 1
            ? Array(disk.storedName.suffix(while: { $0 != UInt8(ascii: "/") })) : members[first].name
        return folder + [shortened(naming(shown(name)))]
    }

    /// A name that can stand in a directory.
    private static func shown(_ name: [UInt8]) -> [UInt8] {
        let safe = name.map { $0 == 0 || $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0 }
        return safe.isEmpty || safe.allSatisfy { $0 == UInt8(ascii: ".") }
            ? Array("disk".utf8) : Array(safe.prefix(maximumNameByteCount - 4))
    }

    private static func shortened(_ name: [UInt8]) -> [UInt8] {
        guard name.count > maximumNameByteCount else { return name }
        return name.prefix(maximumNameByteCount - 4) + Array(".raw".utf8)
    }

    private static func firstFree(_ path: [[UInt8]], _ taken: Set<[[UInt8]]>) -> [[UInt8]] {
        guard taken.contains(path), let name = path.last else { return path }
        var number = 2
        while true {
            let numbered =
                path.dropLast() + [name.prefix(maximumNameByteCount - 8) + Array("~\(number)".utf8)]
            if !taken.contains(Array(numbered)) { return Array(numbered) }
            number += 1
        }
    }
}

extension Array {
    /// The longest end of the array whose elements all satisfy `predicate`.
    fileprivate func suffix(while predicate: (Element) -> Bool) -> ArraySlice<Element> {
        self[(lastIndex { !predicate($0) }.map { $0 + 1 } ?? startIndex)...]
    }
}
