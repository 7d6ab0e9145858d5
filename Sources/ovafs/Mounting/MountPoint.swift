// The directory that is mounted on: its name without links, and making it.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Glibc
import SystemPackage

enum MountPoint {
    /// The absolute path of a folder without links; of one whose mount is dead or another's, as far as it goes.
    static func resolved(_ directory: FilePath) -> FilePath {
        if let path = directory.resolved { return path }
        // The mount's own root may not be asked; its parent may.
        guard let name = directory.lastComponent, name.kind == .regular else { return directory }
        let parent = directory.removingLastComponent()
        return (parent.isEmpty ? "." : parent).resolved?.appending(name) ?? directory
    }

    /// The absolute path of the folder to mount on, so that it can be unmounted from anywhere.
    /// - Throws: `CommandFailure` where it is not there or no folder.
    static func prepared(_ directory: FilePath) throws -> FilePath {
        guard let path = directory.resolved else { throw failure(directory, errno) }
        let status: stat?
        do throws(Errno) {
            status = try FileStatus.at(path)
        } catch {
            throw failure(directory, error.rawValue)
        }
        guard let status else { throw failure(directory, ENOENT) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw failure(directory, reason: "it is not a directory")
        }
        // The kernel may still have its root, and would mount on top of it.
        if MountTable.topmost(at: path)?.type == MountTableEntry.ownType, Unmounting.isDead(path) {
            throw failure(directory, ENOTCONN)
        }
        return path
    }

    /// Takes folders away that `make` has made: only what is still empty, and not mounted on.
    static func remove(_ made: [FilePath]) {
        for path in made.reversed() {
            _ = unsafe path.withPlatformString { unsafe rmdir($0) }
        }
    }

    /// Makes the folder, and those above it, where they are not there: `X-mount.mkdir` of mount(8). What was made
    /// is added to `made`, also where it throws.
    static func make(_ directory: FilePath, mode: UInt32, _ made: inout [FilePath]) throws {
        var path = directory
        path.components.removeAll()
        // What is taken away again may be taken from another working folder.
        if !directory.isAbsolute { path = FilePath(".").resolved ?? path }
        for part in directory.components {
            path.append(part)
            if unsafe path.withPlatformString({ unsafe mkdir($0, mode) }) == 0 {
                made.append(path)
                continue
            }
            guard errno != EEXIST else { continue }
            // Such as a folder above that may not be written to, and is there.
            let reason = errno
            guard path.kind == nil else { continue }
            throw failure(directory, reason: "cannot make it: \(SystemError(errno: reason))")
        }
    }

    private static func failure(_ directory: FilePath, _ errno: CInt) -> CommandFailure {
        let advice =
            switch errno {
            case ENOENT: "; make it first, or use -o X-mount.mkdir"
            case ENOTCONN:
                "; the server of what is mounted on it was killed: 'ovafs unmount \(directory)' first"
            default: ""
            }
        return failure(directory, reason: "\(SystemError(errno: errno))\(advice)")
    }

    private static func failure(_ directory: FilePath, reason: String) -> CommandFailure {
        CommandFailure(status: .cannotMount, message: "cannot mount on \(directory): \(reason)")
    }
}
