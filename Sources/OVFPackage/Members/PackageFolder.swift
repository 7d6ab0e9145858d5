// A folder whose files are opened beneath it, whatever a name says.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Glibc
package import SystemPackage

/// An open folder. No symbolic link beneath it is followed, and no name leads out of it.
package final class PackageFolder: Sendable {
    package let path: FilePath
    private let descriptor: FileDescriptor

    /// Most names that are listed of one folder.
    static let maximumEntryCount = 100_000

    /// Opens the folder that the user named; links in this path are the user's own and are followed.
    package init(path: FilePath) throws(ReadError) {
        self.path = path
        // SAFETY: the C string lives for the call.
        let raw = unsafe path.withPlatformString { unsafe Glibc.open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard raw >= 0 else { throw .system(call: "open \(path)", errno: errno) }
        descriptor = FileDescriptor(rawValue: raw)
    }

    deinit {
        try? descriptor.close()
    }

    /// The file at `components` beneath the folder; nil where there is none.
    /// - Throws: `ReadError.unsupported` where a component is a symbolic link or leads out of the folder, or the
    ///   name is not a regular file's.
    package func file(at components: [[UInt8]]) throws(ReadError) -> LocalFile? {
        guard let name = components.last, let folder = try subfolder(Array(components.dropLast())) else {
            return nil
        }
        defer { try? folder.close() }
        guard let file = try open(name, in: folder, O_RDONLY | O_NONBLOCK) else { return nil }
        return try LocalFile(adopting: file, path: path.appending(String(displaying: joined(components))))
    }

    /// The names in the folder at `components`, sorted by their bytes; empty where there is no such folder.
    package func names(in components: [[UInt8]] = []) throws(ReadError) -> [[UInt8]] {
        guard let folder = try subfolder(components) else { return [] }
        // SAFETY: the stream takes over the descriptor and is closed before the function returns; each entry is
        // used before the next call.
        guard let stream = unsafe fdopendir(folder.rawValue) else {
            let code = errno
            try? folder.close()
            throw .system(call: "list \(path)", errno: code)
        }
        defer { unsafe _ = closedir(stream) }
        var names: [[UInt8]] = []
        while names.count < Self.maximumEntryCount, let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { field in
                unsafe Array(field.prefix { $0 != 0 })
            }
            if !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8) { names.append(name) }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// The folder at `components`, open; nil where there is none.
    private func subfolder(_ components: [[UInt8]]) throws(ReadError) -> FileDescriptor? {
        var folder: FileDescriptor
        do {
            folder = try descriptor.duplicate()
        } catch {
            throw .system(call: "open \(path)", errno: (error as? Errno)?.rawValue ?? EIO)
        }
        // The copy shares its place in the listing with the original: open the folder itself anew.
        for (depth, component) in ([Array(".".utf8)] + components).enumerated() {
            let next: FileDescriptor?
            do throws(ReadError) {
                next = try open(component, in: folder, O_RDONLY | O_DIRECTORY, isSelf: depth == 0)
            } catch {
                try? folder.close()
                throw error
            }
            try? folder.close()
            guard let next else { return nil }
            folder = next
        }
        return folder
    }

    /// One component of a path; nil where there is no such name.
    private func open(
        _ name: [UInt8], in folder: FileDescriptor, _ flags: CInt, isSelf: Bool = false
    ) throws(ReadError) -> FileDescriptor? {
        let isUnsafe =
            name.isEmpty || name.elementsEqual("..".utf8) || name.contains(0) || name.contains(0x2f)
        guard !isUnsafe, isSelf || !name.elementsEqual(".".utf8) else {
            throw .unsupported(feature: "the file name \"\(String(displaying: name))\"")
        }
        let string = name.map { CChar(bitPattern: $0) } + [0]
        // SAFETY: the string ends with a NUL and lives for the call.
        let raw = unsafe openat(folder.rawValue, string, flags | O_NOFOLLOW | O_CLOEXEC)
        guard raw < 0 else { return FileDescriptor(rawValue: raw) }
        switch errno {
        case ENOENT, ENAMETOOLONG: return nil
        // With O_DIRECTORY a link, too, is reported as what it is not: a folder.
        case ELOOP, ENOTDIR:
            throw .unsupported(
                feature: "\"\(String(displaying: name))\" in \(path): a symbolic link, or no folder")
        default:
            throw .system(call: "open \(String(displaying: name)) in \(path)", errno: errno)
        }
    }

    private func joined(_ components: [[UInt8]]) -> [UInt8] {
        Array(components.joined(separator: [UInt8(ascii: "/")]))
    }
}
