// The directory that is mounted on: its name without links, and making it.
// SPDX-License-Identifier: Apache-2.0

import Glibc

enum MountPoint {
    /// The absolute path of a folder without links; of one whose mount is dead or another's, as far as it goes.
    static func resolved(_ directory: String) -> String {
        if let path = realPath(directory) { return path }
        // The mount's own root may not be asked; its parent may.
        var parts = directory.split(separator: "/").map(String.init)
        guard let name = parts.popLast(), name != ".." && name != "." else { return directory }
        let start = directory.hasPrefix("/") ? "/" : "./"
        guard let parent = realPath(start + parts.joined(separator: "/")) else { return directory }
        return parent == "/" ? "/" + name : parent + "/" + name
    }

    /// The absolute path of the folder to mount on, so that it can be unmounted from anywhere.
    /// With `mode` it is made with these permissions where it is not there.
    /// - Throws: `CommandFailure` where it is not there or no folder.
    static func prepared(_ directory: String, makingWith mode: UInt32?) throws -> String {
        if let mode { try make(directory, mode: mode) }
        guard let path = realPath(directory) else { throw failure(directory, errno) }
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw failure(directory, errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw failure(directory, reason: "it is not a directory")
        }
        // The kernel may still have its root, and would mount on top of it.
        if MountTable.topmost(at: path)?.type == MountTableEntry.ownType, Unmounting.isDead(path) {
            throw failure(directory, ENOTCONN)
        }
        return path
    }

    /// Makes the folder, and those above it, where they are not there: `X-mount.mkdir` of mount(8).
    private static func make(_ directory: String, mode: UInt32) throws {
        let isAbsolute = directory.hasPrefix("/")
        var path = isAbsolute ? "" : "."
        for part in directory.split(separator: "/") {
            path += "/\(part)"
            guard unsafe mkdir(path, mode) != 0, errno != EEXIST else { continue }
            // Such as a folder above that may not be written to, and is there.
            let reason = errno
            guard unsafe access(path, F_OK) != 0 else { continue }
            throw failure(directory, reason: "cannot make it: \(SystemError(errno: reason))")
        }
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = unsafe realpath(path, nil) else { return nil }
        // SAFETY: realpath's result is a C string of our own.
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }

    private static func failure(_ directory: String, _ errno: CInt) -> CommandFailure {
        let advice =
            switch errno {
            case ENOENT: "; make it first, or use -o X-mount.mkdir"
            case ENOTCONN:
                "; the server of what is mounted on it was killed: 'ovafs unmount \(directory)' first"
            default: ""
            }
        return failure(directory, reason: "\(SystemError(errno: errno))\(advice)")
    }

    private static func failure(_ directory: String, reason: String) -> CommandFailure {
        CommandFailure(status: .cannotMount, message: "cannot mount on \(directory): \(reason)")
    }
}
