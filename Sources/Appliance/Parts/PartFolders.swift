// The folders that the parts of disks are shown in.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

/// Gives each disk a folder of its own below a root, after the path of its raw file. Folders of disks may lie inside of each
/// other; what is a file in one is no folder of another.
struct PartFolders {
    private struct Key: Hashable {
        let folder: Int
        let name: ByteString
    }

    private enum Use {
        case passed
        case file
        case diskFolder
    }

    /// Each path, known by a number: whole paths as keys would cost their length for each folder above them.
    private var places: [Key: Int] = [:]
    /// What each place is; the first is the root.
    private var uses = [Use.passed]

    /// The folder for the parts of the disk with the raw file `rawPath`, which will hold `files`: its path without `.raw`, with
    /// `~2`, `~3` … behind a name that is taken.
    mutating func take(_ rawPath: [[UInt8]], holding files: [[UInt8]]) -> [[UInt8]] {
        var folder: [[UInt8]] = []
        var place = 0
        for (index, name) in Self.folder(of: rawPath).enumerated() {
            let isLast = index == rawPath.count - 1
            var candidate = name
            // Anew each time, so that all disks beneath one folder find the one that stands for it.
            var numbered = NumberedNames()
            while let known = places[Key(folder: place, name: ByteString(candidate))],
                isLast ? !canHold(files, at: known) : uses[known] == .file
            {
                candidate = numbered.next(for: name)
            }
            place = self.place(of: candidate, in: place)
            folder.append(candidate)
        }
        uses[place] = .diskFolder
        for file in files { uses[self.place(of: file, in: place)] = .file }
        return folder
    }

    private static func folder(of rawPath: [[UInt8]]) -> [[UInt8]] {
        guard let name = rawPath.last else { return rawPath }
        let stem = RawName.stem(name)
        // No folder can be called like that.
        guard stem != name, !stem.allSatisfy({ $0 == UInt8(ascii: ".") }) else { return rawPath }
        return rawPath.dropLast() + [stem]
    }

    /// Whether the parts of one more disk can be in the folder at `place`.
    private func canHold(_ files: [[UInt8]], at place: Int) -> Bool {
        uses[place] == .passed
            && files.allSatisfy { places[Key(folder: place, name: ByteString($0))] == nil }
    }

    private mutating func place(of name: [UInt8], in folder: Int) -> Int {
        let key = Key(folder: folder, name: ByteString(name))
        if let known = places[key] { return known }
        places[key] = uses.count
        uses.append(.passed)
        return uses.count - 1
    }
}
