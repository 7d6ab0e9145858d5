// Where the raw files of a package's disks are shown.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

enum RawPaths {
    private static let maximumNameByteCount = NumberedNames.longestByteCount

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
        let places = wanted.map { path in path.map { taken.place(of: $0) } }
        var uses: [Int: Int] = [:]
        for place in places { if let place { uses[place, default: 0] += 1 } }
        for index in disks.indices {
            guard var path = wanted[index], let place = places[index] else { continue }
            if uses[place] != 1 || taken.contains(place) {
                path = self.path(of: disks[index], members, naming: RawName.full)
            }
            disks[index].rawPath = taken.take(path)
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
            disks[index].copyName = taken.take([shortened(joined)]).last
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
        // Chunks are named after the file that they were cut from, a single one too.
        let href = Array(disk.storedName.suffix(while: { $0 != UInt8(ascii: "/") }))
        let suffix = ".000000000".utf8
        let isChunk =
            members[first].name.suffix(10).elementsEqual(suffix) && !href.suffix(10).elementsEqual(suffix)
        let name = isChunk ? href : members[first].name
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

    /// The paths that have a file or a folder already. A place is a path, known by a number: whole paths as keys would
    /// cost their length for each folder above them.
    private struct Taken {
        private struct Key: Hashable {
            let folder: Int
            let name: ByteString
        }

        private var places: [Key: Int] = [:]
        /// For each place, whether something is there; the first is the root.
        private var isTaken = [true]
        private var numbered = NumberedNames()

        func contains(_ place: Int) -> Bool { isTaken[place] }

        mutating func insert(_ path: [[UInt8]]) { isTaken[place(of: path)] = true }

        mutating func insertFolders(of path: [[UInt8]]) {
            var place = 0
            for name in path.dropLast() {
                place = self.place(of: name, in: place)
                isTaken[place] = true
            }
        }

        mutating func place(of path: [[UInt8]]) -> Int {
            path.reduce(0) { place(of: $1, in: $0) }
        }

        /// Takes `path`, with `~2`, `~3` … behind its name where it is taken.
        mutating func take(_ path: [[UInt8]]) -> [[UInt8]] {
            guard let name = path.last else { return path }
            let folder = place(of: Array(path.dropLast()))
            var place = self.place(of: name, in: folder)
            var free = name
            while isTaken[place] {
                free = numbered.next(for: name, in: folder)
                place = self.place(of: free, in: folder)
            }
            isTaken[place] = true
            return path.dropLast() + [free]
        }

        private mutating func place(of name: [UInt8], in folder: Int) -> Int {
            let key = Key(folder: folder, name: ByteString(name))
            if let known = places[key] { return known }
            places[key] = isTaken.count
            isTaken.append(false)
            return isTaken.count - 1
        }
    }
}

extension Array {
    /// The longest end of the array whose elements all satisfy `predicate`.
    fileprivate func suffix(while predicate: (Element) -> Bool) -> ArraySlice<Element> {
        self[(lastIndex { !predicate($0) }.map { $0 + 1 } ?? startIndex)...]
    }
}
