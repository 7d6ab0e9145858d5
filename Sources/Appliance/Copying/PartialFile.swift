// The name that a file has until it is complete.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import SystemPackage

/// Makes `<name>.partial`: always a new file, never one that is there, and locked while a copy writes it:
/// docs/decisions/0060-partial-files.md.
enum PartialFile {
    private static let mostAttempts = 100

    /// The name for the file that will be `path`.
    static func path(for path: FilePath) -> FilePath {
        path.beside(suffix: ".partial")
    }

    /// Makes sure that no one else's file has the name, nor one of `sources`, and changes nothing.
    static func check(for path: FilePath, sources: Set<FileNumber>) throws(CopyError) {
        let partial = Self.path(for: path)
        guard let status = try FileStatus.ofName(partial) else { return }
        guard !DeviceStack.system.isAnySource(sources, changedBy: FileNumber(status)) else {
            throw .isSource(partial)
        }
        guard isLeftover(status) else { throw inTheWay(partial) }
    }

    /// Makes the file, in the place of what a copy that crashed has left.
    static func create(for path: FilePath) throws(CopyError) -> (FileDescriptor, FileNumber) {
        let partial = Self.path(for: path)
        for _ in 0..<mostAttempts {
            do {
                let descriptor = try FileDescriptor.open(
                    partial, .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
                    permissions: [.ownerReadWrite, .groupRead, .otherRead])
                if let number = try ownNumber(descriptor, at: partial) { return (descriptor, number) }
                try? descriptor.close()
            } catch let error as CopyError {
                throw error
            } catch Errno.fileExists {
                try removeLeftover(partial)
            } catch {
                throw .output(call: "create \(partial)", error)
            }
        }
        throw inTheWay(partial)
    }

    /// Locks a file that was just made; nil where someone has taken it for a leftover before it was locked.
    private static func ownNumber(
        _ descriptor: FileDescriptor, at partial: FilePath
    ) throws(CopyError) -> FileNumber? {
        // A file system without locks has no leftovers either that could be told from what is being written.
        if flock(descriptor.rawValue, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK { return nil }
        return try leftoverNumber(descriptor, at: partial)
    }

    /// Removes what a copy that crashed has left: a file of ours with one name that no one holds locked.
    private static func removeLeftover(_ partial: FilePath) throws(CopyError) {
        guard let status = try FileStatus.ofName(partial) else { return }
        guard isLeftover(status),
            let descriptor = try? FileDescriptor.open(
                partial, .writeOnly, options: [.noFollow, .nonBlocking, .closeOnExec])
        else { throw inTheWay(partial) }
        defer { try? descriptor.close() }
        guard flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK else { throw inTheWay(partial) }
            throw .refused("\(partial) is being written by another copy")
        }
        // Else it has been finished or removed since it was looked at.
        guard try leftoverNumber(descriptor, at: partial) != nil else { return }
        let result = unsafe partial.withPlatformString { unsafe unlink($0) }
        guard result == 0 || errno == ENOENT else {
            throw .output(call: "remove \(partial)", errno: errno)
        }
    }

    /// Whether a copy of ours can have left it.
    private static func isLeftover(_ status: stat) -> Bool {
        status.st_mode & S_IFMT == S_IFREG && status.st_nlink == 1 && status.st_uid == geteuid()
    }

    /// Which file `descriptor` is open for, where it has the name and a copy of ours can have made it.
    private static func leftoverNumber(
        _ descriptor: FileDescriptor, at path: FilePath
    ) throws(CopyError) -> FileNumber? {
        guard let opened = FileNumber(of: descriptor), let named = try FileStatus.ofName(path),
            isLeftover(named), FileNumber(named) == opened
        else { return nil }
        return opened
    }

    private static func inTheWay(_ partial: FilePath) -> CopyError {
        .refused(
            "\(partial) is in the way and was not left by a copy: remove it, or choose another name"
        )
    }
}
