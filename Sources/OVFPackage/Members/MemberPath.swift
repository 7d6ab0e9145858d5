// The name of a member taken apart, and made safe to show.
// SPDX-License-Identifier: Apache-2.0

/// A stored name, split at its slashes.
struct MemberPath {
    /// Folders and the name, without empty ones and `.`; `..` is still there.
    let components: [ArraySlice<UInt8>]
    let isAbsolute: Bool
    /// Whether the name stays inside the package.
    let isReferable: Bool

    /// The longest component that a directory can list, in bytes.
    static let maximumComponentByteCount = 255
    /// The deepest folder that is shown; what is deeper is joined to one name.
    static let maximumDepth = 256

    init(_ path: [UInt8]) {
        isAbsolute = path.first == UInt8(ascii: "/")
        var components: [ArraySlice<UInt8>] = []
        var climbs = false
        for component in path.split(separator: UInt8(ascii: "/")) {
            // `.` and `..` are the only short names that mean something else.
            if component.count <= 2, component.allSatisfy({ $0 == UInt8(ascii: ".") }) {
                guard component.count == 2 else { continue }
                climbs = true
            }
            components.append(component)
        }
        self.components = components
        isReferable = !isAbsolute && !components.isEmpty && !climbs
    }

    /// The components joined by single slashes.
    var normalized: [UInt8] {
        Array(components.joined(separator: [UInt8(ascii: "/")]))
    }

    /// The components as they are shown: `..` left out, NUL replaced, too long ones shortened, at most
    /// `maximumDepth` of them, at least one.
    func sanitized() -> (components: [[UInt8]], isShortened: Bool) {
        var isShortened = false
        var safe: [[UInt8]] = []
        for component in components where !component.elementsEqual("..".utf8) {
            if component.count > Self.maximumComponentByteCount { isShortened = true }
            let shown = Array(component.prefix(Self.maximumComponentByteCount))
            safe.append(shown.contains(0) ? shown.map { $0 == 0 ? UInt8(ascii: "_") : $0 } : shown)
        }
        if safe.count > Self.maximumDepth {
            isShortened = true
            safe = Array(safe.prefix(Self.maximumDepth - 1)) + safe.suffix(1)
        }
        return (safe.isEmpty ? [Array("unnamed".utf8)] : safe, isShortened)
    }
}

/// Gives each member a place of its own in one tree of folders.
struct DisplayTree {
    private var files: Set<ByteString> = []
    private var folders: Set<ByteString> = []
    /// For a name that is taken, the number to try next: many duplicates of one name stay cheap.
    private var nextNumbers: [ByteString: Int] = [:]
    private var folderNumbers: [ByteString: Int] = [:]
    private var lastFolder = PlacedFolder()
    /// What the folders take, about, in bytes.
    private var folderByteCount = 0

    /// Most that the names of all folders may take, in bytes: deep folders whose names are long would fill memory,
    /// since each is known by its whole path.
    static let maximumFolderByteCount = 32 << 20
    /// What a folder takes beside its path, in bytes.
    private static let bytesPerFolder = 128

    /// Whether further folders can be made; without room, a member's name alone is placed.
    var hasRoomForFolders: Bool { folderByteCount < Self.maximumFolderByteCount }

    init(memberCount: Int) {
        files.reserveCapacity(memberCount)
    }

    /// `components`, with `~2`, `~3` … after a name that is taken already.
    mutating func place(_ components: [[UInt8]]) -> [[UInt8]] {
        guard let name = components.last else { return [] }
        let folder = place(folder: components.dropLast())
        let placed = freeName(for: name, under: folder.prefix, isFile: true)
        files.insert(ByteString(folder.prefix + placed + [UInt8(ascii: "/")]))
        // Nearly every name is free: then the path is shown as it came.
        return folder.isUnchanged && placed == name ? components : folder.placed + [placed]
    }

    /// The folder at `components`; the members of a folder mostly follow each other.
    private mutating func place(folder components: ArraySlice<[UInt8]>) -> PlacedFolder {
        if components == lastFolder.components[...] { return lastFolder }
        var folder = PlacedFolder(components: Array(components))
        for component in components {
            let name = freeName(for: component, under: folder.prefix, isFile: false)
            folder.prefix += name + [UInt8(ascii: "/")]
            folder.placed.append(name)
            if name != component { folder.isUnchanged = false }
            if folders.insert(ByteString(folder.prefix)).inserted {
                folderByteCount += folder.prefix.count + Self.bytesPerFolder
            }
        }
        lastFolder = folder
        return folder
    }

    /// A folder as it is stored and as it is shown.
    private struct PlacedFolder {
        var components: [[UInt8]] = []
        var placed: [[UInt8]] = []
        /// The names shown, each with a slash behind it.
        var prefix: [UInt8] = []
        var isUnchanged = true
    }

    private mutating func freeName(for component: [UInt8], under prefix: [UInt8], isFile: Bool) -> [UInt8] {
        let wanted = ByteString(prefix + component + [UInt8(ascii: "/")])
        guard isTaken(wanted, isFile: isFile) else { return component }
        // A folder whose name a file has keeps one new name for all that it holds.
        var number = (isFile ? nextNumbers[wanted] : folderNumbers[wanted]) ?? 2
        while true {
            let suffix = Array("~\(number)".utf8)
            let name = component.prefix(MemberPath.maximumComponentByteCount - suffix.count) + suffix
            if !isTaken(ByteString(prefix + name + [UInt8(ascii: "/")]), isFile: isFile) {
                if isFile { nextNumbers[wanted] = number + 1 } else { folderNumbers[wanted] = number }
                return Array(name)
            }
            number += 1
        }
    }

    private func isTaken(_ key: ByteString, isFile: Bool) -> Bool {
        files.contains(key) || isFile && folders.contains(key)
    }
}
