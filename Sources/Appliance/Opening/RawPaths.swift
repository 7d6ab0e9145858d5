// Where the raw files of a package's disks are shown.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

enum RawPaths {
    private static let maximumNameByteCount = 255

    /// Gives each disk that is decoded a path of its own, beside the members that are shown: in its member's
    /// folder, `<name>.raw`; with its extension where that would be another disk's or another file's; with a
    /// number where that is taken too.
    ///
    /// `hidden` are the members that are shown as disks only.
    static func assign(
        to disks: inout [ApplianceDisk], beside members: [PackageMember], hidden: Set<Int>
    ) {
        var taken = Taken()
        for (index, member) in members.enumerated() {
            // A folder's name is taken, too, whatever it holds.
            taken.insertFolders(of: member.components)
            if !hidden.contains(index) { taken.insert(member.components) }
        }
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
            disks[index].rawPath = taken.place(path)
        }
        assignCopyNames(to: &disks)
    }

    /// Gives each disk a name that it has in one folder with all others: the last name of its path where no other disk
    /// has that, else the whole path with `_` between its names, with a number where that is taken too. The names do
    /// not depend on which disks are copied.
    private static func assignCopyNames(to disks: inout [ApplianceDisk]) {
        var uses: [[UInt8]: Int] = [:]
        for disk in disks { if let name = disk.rawPath?.last { uses[name, default: 0] += 1 } }
        var taken = Taken()
        // Names that are unique are not lost to a path that reads like one of them.
        for (name, count) in uses where count == 1 { taken.insert([name]) }
        for index in disks.indices {
            guard let path = disks[index].rawPath, let name = path.last else { continue }
            guard uses[name] != 1 else {
                disks[index].copyName = name
                continue
            }
            let joined = Array(path.joined(separator: [UInt8(ascii: "_")]))
            disks[index].copyName = taken.place([shortened(joined)]).last
        }
    }

    /// The name of a disk image's raw file where the image is opened by itself.
    static func name(ofImage name: [UInt8]) -> [UInt8] {
        shortened(RawName.plain(for: shown(name)))
    }

    private static func path(
        of disk: ApplianceDisk, _ members: [PackageMember], naming: ([UInt8]) -> [UInt8]
    ) -> [[UInt8]] {
        guard let first = disk.memberIndices.first else {
            return [shown(Array(disk.identifier.utf8)) + Array(".raw".utf8)]
        }
        var folder = Array(members[first].components.dropLast())
        // The name belongs to the control directory.
        if folder.first == ControlDirectory.name { folder = [] }
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

    /// The paths that have a file or a folder already.
    private struct Taken {
        private var paths: Set<[[UInt8]]> = []
        /// For a path that is taken, the number to try next: many disks in one file stay cheap.
        private var nextNumbers: [[[UInt8]]: Int] = [:]

        func contains(_ path: [[UInt8]]) -> Bool { paths.contains(path) }

        mutating func insert(_ path: [[UInt8]]) { paths.insert(path) }

        mutating func insertFolders(of path: [[UInt8]]) {
            // Where a folder is known, so are those above it.
            for depth in (1..<max(1, path.count)).reversed() {
                guard paths.insert(Array(path.prefix(depth))).inserted else { return }
            }
        }

        /// Takes `path`, with `~2`, `~3` … behind its name where it is taken.
        mutating func place(_ path: [[UInt8]]) -> [[UInt8]] {
            var free = path
            var number = nextNumbers[path] ?? 2
            while let name = path.last, paths.contains(free) {
                let suffix = Array("~\(number)".utf8)
                free = path.dropLast() + [name.prefix(maximumNameByteCount - suffix.count) + suffix]
                number += 1
            }
            nextNumbers[path] = number
            paths.insert(free)
            return free
        }
    }
}

extension Array {
    /// The longest end of the array whose elements all satisfy `predicate`.
    fileprivate func suffix(while predicate: (Element) -> Bool) -> ArraySlice<Element> {
        self[(lastIndex { !predicate($0) }.map { $0 + 1 } ?? startIndex)...]
    }
}
