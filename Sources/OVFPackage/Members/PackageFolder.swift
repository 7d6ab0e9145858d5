// A folder whose files are opened beneath it, whatever a name says.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Glibc
package import SystemPackage

/// An open folder. No name and no symbolic link leads out of it.
///
/// Each component of a path is opened by itself, beneath the one before and without following a link. Where links
/// are followed, their targets are taken apart the same way, and `..` goes back to the folder that was open before:
/// nothing that is renamed or linked meanwhile leads anywhere else.
package final class PackageFolder: Sendable {
    package let path: FilePath
    private let descriptor: FileDescriptor
    /// Whether symbolic links that stay inside of the folder are followed.
    private let followsLinks: Bool

    /// Most names that are listed of one folder.
    private let maximumEntryCount: Int
    /// Most links that are followed for one file; the same as Linux has.
    private static let maximumLinkCount = 40
    /// Most folders on the way to a file.
    static let maximumDepth = 256

    /// Opens the folder that the user named; links in this path are the user's own and are followed.
    package init(
        path: FilePath, followsLinks: Bool = false, maximumEntryCount: Int = 100_000
    ) throws(ReadError) {
        self.path = path
        self.maximumEntryCount = maximumEntryCount
        self.followsLinks = followsLinks
        // SAFETY: the C string lives for the call.
        let raw = unsafe path.withPlatformString { unsafe Glibc.open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard raw >= 0 else { throw .system(call: "open \(path)", errno: errno) }
        descriptor = FileDescriptor(rawValue: raw)
    }

    deinit {
        try? descriptor.close()
    }

    /// The file at `components` beneath the folder; nil where there is none.
    /// - Throws: `FolderRefusal` where there is something, and it is not opened.
    package func file(at components: [[UInt8]]) throws(FolderRefusal) -> LocalFile? {
        guard let name = components.last else { return nil }
        guard let file = try open(components, O_RDONLY | O_NONBLOCK, isFolder: false) else { return nil }
        do throws(ReadError) {
            return try LocalFile(
                adopting: file, path: path.appending(String(displaying: components.joinedBySlashes)))
        } catch {
            throw .unreadable(name: name, error)
        }
    }

    /// The names in the folder at `components`, sorted by their bytes; empty where there is no such folder.
    /// - Throws: `FolderRefusal` where there is something, and it cannot be listed.
    package func names(in components: [[UInt8]] = []) throws(FolderRefusal) -> [[UInt8]] {
        guard let folder = try open(components, O_RDONLY, isFolder: true) else { return [] }
        // SAFETY: the stream takes over the descriptor and is closed before the function returns; each entry is
        // used before the next call.
        guard let stream = unsafe fdopendir(folder.rawValue) else {
            let code = errno
            try? folder.close()
            throw .failure(.system(call: "list \(path)", errno: code))
        }
        defer { unsafe _ = closedir(stream) }
        var names: [[UInt8]] = []
        let place =
            components.isEmpty ? "\(path)" : "\(path)/\(String(displaying: components.joinedBySlashes))"
        while true {
            // What readdir returns at the end and what it returns where it fails differ in errno only.
            errno = 0
            guard let entry = unsafe readdir(stream) else {
                let code = errno
                guard code == 0 else {
                    throw .unreadable(
                        name: components.last ?? [], .system(call: "list \(place)", errno: code))
                }
                break
            }
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { field in
                unsafe Array(field.prefix { $0 != 0 })
            }
            if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { continue }
            guard names.count < maximumEntryCount else {
                throw .unreadable(
                    name: components.last ?? [],
                    .unsupported(feature: "\(place), a folder of more than \(maximumEntryCount) names,"))
            }
            names.append(name)
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Whether a folder is at `components`.
    package func isFolder(_ components: [[UInt8]]) -> Bool {
        guard let folder = try? open(components, O_RDONLY, isFolder: true) else { return false }
        try? folder.close()
        return true
    }

    /// What is at `components`, opened with `flags`; nil where there is nothing.
    private func open(
        _ components: [[UInt8]], _ flags: CInt, isFolder: Bool
    ) throws(FolderRefusal) -> FileDescriptor? {
        for component in components where !Self.isUsable(component) { throw .unusableName(component) }
        // The copy shares its place in the listing with the original: the folder itself is opened anew.
        guard let start = try step(Array(".".utf8), in: descriptor, O_RDONLY | O_DIRECTORY) else {
            return nil
        }
        var way = [start]
        defer { for folder in way { try? folder.close() } }
        var pending = Array(components.reversed())
        var linkCount = 0
        var lastLink: (name: [UInt8], target: [UInt8]) = ([], [])
        while let component = pending.popLast() {
            if component.elementsEqual("..".utf8) {
                guard way.count > 1, let folder = way.popLast() else {
                    throw .outside(name: lastLink.name, target: lastLink.target)
                }
                try? folder.close()
                continue
            }
            let isLast = pending.isEmpty && !isFolder
            guard way.count <= Self.maximumDepth, let folder = way.last else {
                throw .unusableName(component)
            }
            if let target = linkTarget(component, in: folder) {
                linkCount += 1
                lastLink = (component, target)
                pending += try follow(component, to: target, number: linkCount)
                continue
            }
            if isLast { try checkKind(of: component, in: folder) }
            let next = try step(component, in: folder, isLast ? flags : O_RDONLY | O_DIRECTORY)
            guard let next else { return nil }
            if isLast { return next }
            way.append(next)
        }
        guard isFolder else {
            throw .notAFile(name: components.last ?? [], kind: FolderRefusal.folderKind)
        }
        return way.popLast()
    }

    /// The components that a link stands for, the first one last.
    private func follow(
        _ name: [UInt8], to target: [UInt8], number: Int
    ) throws(FolderRefusal) -> [[UInt8]] {
        guard target.first != UInt8(ascii: "/"), !target.isEmpty else {
            throw .outside(name: name, target: target)
        }
        guard followsLinks else { throw .link(name: name, target: target) }
        guard number <= Self.maximumLinkCount else { throw .tooManyLinks(name: name) }
        return target.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual(".".utf8) }
            .reversed().map { Array($0) }
    }

    /// Where a symbolic link leads; nil for what is none.
    private func linkTarget(_ name: [UInt8], in folder: FileDescriptor) -> [UInt8]? {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        // SAFETY: the name ends with a NUL; no more is written than the array holds.
        let length = unsafe readlinkat(folder.rawValue, Self.string(name), &target, target.count)
        guard length >= 0, length < target.count else { return length < 0 ? nil : [] }
        return target.prefix(length).map { UInt8(bitPattern: $0) }
    }

    /// Opening a device or a fifo can have effects: only regular files are opened.
    private func checkKind(of name: [UInt8], in folder: FileDescriptor) throws(FolderRefusal) {
        var status = stat()
        // SAFETY: the name ends with a NUL.
        let result = unsafe fstatat(folder.rawValue, Self.string(name), &status, AT_SYMLINK_NOFOLLOW)
        guard result == 0 else { return }
        let kind: String
        switch status.st_mode & S_IFMT {
        case S_IFREG: return
        case S_IFDIR: kind = "folder"
        case S_IFIFO: kind = "fifo"
        case S_IFSOCK: kind = "socket"
        case S_IFLNK: kind = "symbolic link"
        default: kind = "device"
        }
        throw .notAFile(name: name, kind: kind)
    }

    /// One component of a path, without following it; nil where there is no such name.
    private func step(
        _ name: [UInt8], in folder: FileDescriptor, _ flags: CInt
    ) throws(FolderRefusal) -> FileDescriptor? {
        // SAFETY: the string ends with a NUL and lives for the call.
        let raw = unsafe openat(folder.rawValue, Self.string(name), flags | O_NOFOLLOW | O_CLOEXEC)
        guard raw < 0 else { return FileDescriptor(rawValue: raw) }
        let code = errno
        switch code {
        case ENOENT, ENAMETOOLONG: return nil
        case ENOTDIR: throw .notAFile(name: name, kind: "file where a folder is meant")
        case EMFILE, ENFILE, ENOMEM:
            throw .failure(.system(call: "open \(String(displaying: name)) in \(path)", errno: code))
        default:
            throw .unreadable(
                name: name, .system(call: "open \(String(displaying: name)) in \(path)", errno: code))
        }
    }

    private static func isUsable(_ name: [UInt8]) -> Bool {
        !name.isEmpty && !name.elementsEqual("..".utf8) && !name.elementsEqual(".".utf8) && !name.contains(0)
            && !name.contains(0x2f)
    }

    private static func string(_ name: [UInt8]) -> [CChar] { name.map { CChar(bitPattern: $0) } + [0] }
}
