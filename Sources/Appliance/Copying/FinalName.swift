// Giving a finished file its name, without replacing what came to be there meanwhile.
// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import SystemPackage

/// Renames `<name>.partial` to the name that was asked for.
enum FinalName {
    /// How a name is given that no other file may lose; the first that the file system has.
    enum Means: CaseIterable {
        /// One step: renameat2(2) with RENAME_NOREPLACE.
        case renameWithoutReplacing
        /// A second name, then the first is taken away.
        case link
        /// An empty file that holds the name, and is replaced.
        case placeholder
    }

    /// Gives `path` to the file at `partial`, replacing a file there only where `overwrites`.
    /// - Throws: `CopyError.exists` where something is there, `.output` where the file system refuses.
    static func give(
        _ path: FilePath, to partial: FilePath, overwrites: Bool, by means: [Means] = Means.allCases
    ) throws(CopyError) {
        if overwrites {
            if let status = try FileStatus.ofName(path), status.st_mode & S_IFMT != S_IFREG {
                throw .refused("\(path) is no longer a regular file")
            }
            return try check(unsafe call(partial, path) { unsafe rename($0, $1) }, partial, path)
        }
        var code = ENOTSUP
        for way in means {
            code = give(path, to: partial, by: way)
            // Each file system has its own word for what it does not have.
            guard [EINVAL, ENOSYS, ENOTSUP, EPERM, EMLINK].contains(code) else { break }
        }
        try check(code, partial, path)
    }

    /// - Returns: 0 or errno.
    private static func give(_ path: FilePath, to partial: FilePath, by means: Means) -> CInt {
        switch means {
        case .renameWithoutReplacing:
            return unsafe call(partial, path) {
                unsafe renameat2(AT_FDCWD, $0, AT_FDCWD, $1, ovafs_rename_without_replacing)
            }
        case .link:
            let code = unsafe call(partial, path) { unsafe link($0, $1) }
            guard code == 0 else { return code }
            return unsafe call(partial, partial) { old, _ in unsafe unlink(old) }
        case .placeholder:
            do {
                try FileDescriptor.open(
                    path, .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
                    permissions: .ownerReadWrite
                ).close()
            } catch {
                return (error as? Errno)?.rawValue ?? EIO
            }
            let code = unsafe call(partial, path) { unsafe rename($0, $1) }
            if code != 0 { _ = unsafe call(path, path) { name, _ in unsafe unlink(name) } }
            return code
        }
    }

    private static func check(_ code: CInt, _ partial: FilePath, _ path: FilePath) throws(CopyError) {
        guard code != EEXIST else { throw .exists(path) }
        guard code == 0 else {
            throw .output(
                call: "rename \(partial) to \(path)", errno: code)
        }
    }

    /// - Returns: 0 or errno.
    private static func call(
        _ old: FilePath, _ new: FilePath, _ body: (UnsafePointer<CChar>, UnsafePointer<CChar>) -> CInt
    ) -> CInt {
        // SAFETY: both strings live for the call.
        unsafe old.withPlatformString { old in
            unsafe new.withPlatformString { new in unsafe body(old, new) == 0 ? 0 : errno }
        }
    }
}
