// What stands at a path.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
package import Glibc
package import SystemPackage

/// What stands at a path.
package enum FileStatus {
    /// What stands at `path`, or behind a link there where it is followed; nil where nothing does.
    /// - Throws: as stat(2) fails, but for ENOENT.
    package static func at(_ path: FilePath, followingLink: Bool = true) throws(Errno) -> stat? {
        var status = stat()
        // SAFETY: the string and the status live for the call.
        let result = unsafe path.withPlatformString {
            unsafe followingLink ? stat($0, &status) : lstat($0, &status)
        }
        if result == 0 { return status }
        guard errno == ENOENT else { throw Errno(rawValue: errno) }
        return nil
    }

    /// The type bits of the mode of what has a name in an open folder, which is not followed; nil where nothing has it.
    /// - Throws: as fstatat(2) fails, but for ENOENT.
    package static func kind(ofName name: FilePath.Component, in folder: CInt) throws(Errno) -> mode_t? {
        var status = stat()
        // SAFETY: the name and the status live for the call.
        let result = unsafe name.withPlatformString {
            unsafe fstatat(folder, $0, &status, AT_SYMLINK_NOFOLLOW)
        }
        if result == 0 { return status.st_mode & S_IFMT }
        guard errno == ENOENT else { throw Errno(rawValue: errno) }
        return nil
    }

    /// Whether others than the owner may do anything with what is at `path`; false where nothing is.
    package static func isOpenToOthers(_ path: FilePath) -> Bool {
        guard let status = try? at(path) else { return false }
        return status.st_mode & 0o077 != 0
    }

    /// What stands at `path`, an output's, without following a link there; nil where nothing does.
    static func ofName(_ path: FilePath) throws(CopyError) -> stat? {
        try ofOutput(path, followingLink: false)
    }

    /// What stands at `path`, an output's, or behind the link there; nil where nothing does.
    static func behindName(_ path: FilePath) throws(CopyError) -> stat? {
        try ofOutput(path, followingLink: true)
    }

    private static func ofOutput(_ path: FilePath, followingLink: Bool) throws(CopyError) -> stat? {
        do throws(Errno) {
            return try at(path, followingLink: followingLink)
        } catch {
            throw .output(call: "look at \(path)", errno: error.rawValue)
        }
    }
}

extension FilePath {
    /// The kind of file at the path, or behind a link there, as the type bits of its mode; nil where none can be seen.
    package var kind: mode_t? {
        guard let status = try? FileStatus.at(self) else { return nil }
        return status.st_mode & S_IFMT
    }

    /// Whether nothing is there.
    package var isAbsent: Bool {
        do throws(Errno) {
            return try FileStatus.at(self) == nil
        } catch {
            return false
        }
    }
}

extension FileNumber {
    /// The file at `path`, or behind the link there; nil where there is none.
    package init?(at path: FilePath) {
        guard let status = try? FileStatus.at(path) else { return nil }
        self.init(status)
    }

    /// The file that `descriptor` is open for; nil where it is open for none.
    package init?(of descriptor: FileDescriptor) {
        var status = stat()
        // SAFETY: the status lives for the call.
        guard unsafe fstat(descriptor.rawValue, &status) == 0 else { return nil }
        self.init(status)
    }
}
