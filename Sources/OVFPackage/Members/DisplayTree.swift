// Gives each member of an archive a place of its own in one tree of folders.
// SPDX-License-Identifier: Apache-2.0

/// The names that are given. What placing a name costs is in proportion to its own length, whatever was placed before:
/// a folder is known by a number, and a name that is taken by the number to try next.
struct DisplayTree {
    private struct Key: Hashable {
        let folder: Int
        let name: ByteString

        init(_ name: [UInt8], in folder: Int) {
            self.folder = folder
            self.name = ByteString(name)
        }
    }

    private enum Entry {
        case file
        case folder(Int)
    }

    private var entries: [Key: Entry] = [:]
    /// What a folder is called whose name a file has: one new name for all that it holds.
    private var aliases: [Key: [UInt8]] = [:]
    /// For the front of a name that was taken, the number to try next.
    private var nextNumbers: [Key: Int] = [:]
    /// For each folder, the length of its path, in bytes; the first is the root.
    private var pathByteCounts = [0]
    private var lastFolder = PlacedFolder()
    /// What the paths of all folders take, about, in bytes.
    private var folderByteCount = 0

    /// Most that the paths of all folders may take, in bytes: each member in a deep folder is shown by its whole path.
    static let maximumFolderByteCount = 32 << 20
    /// What a folder takes beside its path, in bytes.
    private static let bytesPerFolder = 128
    /// Longest `~` and number, in bytes: there are never a million names.
    private static let maximumSuffixByteCount = 7

    /// Whether further folders can be made; without room, a member's name alone is placed.
    var hasRoomForFolders: Bool { folderByteCount < Self.maximumFolderByteCount }

    init(memberCount: Int) {
        entries.reserveCapacity(memberCount)
    }

    /// `components`, with `~2`, `~3` … after a name that is taken already.
    mutating func place(_ components: [[UInt8]]) -> [[UInt8]] {
        guard let name = components.last else { return [] }
        let folder = place(folder: components.dropLast())
        let isTaken = entries[Key(name, in: folder.number)] != nil
        let placed = isTaken ? freeName(for: name, in: folder.number) : name
        entries[Key(placed, in: folder.number)] = .file
        // Nearly every name is free: then the path is shown as it came.
        return folder.isUnchanged && !isTaken ? components : folder.placed + [placed]
    }

    /// A folder as it is stored and as it is shown.
    private struct PlacedFolder {
        var components: [[UInt8]] = []
        var placed: [[UInt8]] = []
        var number = 0
        var isUnchanged = true
    }

    /// The folder at `components`; the members of a folder mostly follow each other.
    private mutating func place(folder components: ArraySlice<[UInt8]>) -> PlacedFolder {
        if components == lastFolder.components[...] { return lastFolder }
        var folder = PlacedFolder(components: Array(components))
        for component in components {
            let name = folderName(for: component, in: folder.number)
            folder.placed.append(name)
            if name != component { folder.isUnchanged = false }
            folder.number = self.folder(named: name, in: folder.number)
        }
        lastFolder = folder
        return folder
    }

    private mutating func folderName(for name: [UInt8], in folder: Int) -> [UInt8] {
        let key = Key(name, in: folder)
        guard case .file? = entries[key] else { return name }
        if let known = aliases[key] { return known }
        let free = freeName(for: name, in: folder)
        aliases[key] = free
        return free
    }

    private mutating func folder(named name: [UInt8], in parent: Int) -> Int {
        let key = Key(name, in: parent)
        if case .folder(let number)? = entries[key] { return number }
        let number = pathByteCounts.count
        entries[key] = .folder(number)
        pathByteCounts.append(pathByteCounts[parent] + name.count + 1)
        folderByteCount += pathByteCounts[number] + Self.bytesPerFolder
        return number
    }

    /// Names that differ behind the place where they are cut count together, so none is tried twice.
    private mutating func freeName(for name: [UInt8], in folder: Int) -> [UInt8] {
        let front = Array(
            name.prefix(MemberPath.maximumComponentByteCount - Self.maximumSuffixByteCount))
        let key = Key(front, in: folder)
        var number = nextNumbers[key] ?? 2
        while true {
            let candidate = front + Array("~\(number)".utf8)
            number += 1
            guard entries[Key(candidate, in: folder)] == nil else { continue }
            nextNumbers[key] = number
            return candidate
        }
    }
}
