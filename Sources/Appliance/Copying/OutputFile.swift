// A file that is written whole or not at all.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
package import SystemPackage

/// Where a disk is copied to. A regular file is written under another name, `<name>.partial`, and gets its own
/// when it is complete; a device is written in place.
package final class OutputFile: Sendable {
    package let path: FilePath
    /// Whether what is not written reads as zeros.
    package let keepsHoles: Bool

    private let descriptor: FileDescriptor
    /// One write at a time: the file system has one lock a file, and those that wait for it spin, on cores that
    /// should decode.
    private let writing = SleepingMutex(())
    /// The name to write under; nil where the output is written in place.
    private let partialPath: FilePath?

    /// Opens the output for a disk of `byteCount` bytes.
    ///
    /// `overwrites` says whether a file that is there already may be replaced.
    ///
    /// - Throws: `CopyError.output` as open(2) fails; with EEXIST where the file is there.
    package init(path: FilePath, byteCount: UInt64, overwrites: Bool) throws(CopyError) {
        self.path = path
        var status = stat()
        let exists = unsafe path.withPlatformString { unsafe stat($0, &status) } == 0
        let isRegular = !exists || status.st_mode & S_IFMT == S_IFREG
        guard overwrites || !exists || !isRegular else {
            throw .output(call: "create \(path)", errno: EEXIST)
        }
        guard let length = off_t(exactly: byteCount) else {
            throw .output(call: "create \(path)", errno: EFBIG)
        }
        keepsHoles = isRegular || status.st_mode & S_IFMT == S_IFCHR
        partialPath = isRegular ? FilePath(path.string + ".partial") : nil
        do {
            descriptor = try FileDescriptor.open(
                partialPath ?? path, .writeOnly,
                options: isRegular ? [.create, .noFollow, .closeOnExec] : [.closeOnExec],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
        } catch {
            throw .output(call: "create \(path)", error)
        }
        guard isRegular else { return }
        // What an earlier copy left behind is begun anew; what another one writes now is left alone.
        guard flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            try? descriptor.close()
            throw .output(call: "lock \(path).partial, which another copy writes", errno: errno)
        }
        guard ftruncate(descriptor.rawValue, 0) == 0, ftruncate(descriptor.rawValue, length) == 0 else {
            let code = errno
            discard()
            throw .output(call: "set the length of \(path)", errno: code)
        }
    }

    /// Writes bytes `range` of `buffer` at `offset`.
    func write(_ buffer: CopyBuffer, _ range: Range<Int>, at offset: UInt64) throws(CopyError) {
        var failure: CopyError?
        // SAFETY: the bytes live until the closure returns.
        unsafe buffer.withBytes(range) { bytes in
            do {
                _ = try writing.withLock { _ in
                    try unsafe descriptor.writeAll(toAbsoluteOffset: Int64(offset), bytes)
                }
            } catch {
                failure = .output(call: "write \(path)", error)
            }
        }
        if let failure { throw failure }
    }

    /// Gives the finished file its name.
    package func finish() throws(CopyError) {
        // A device takes what is written later, and says only then that it could not.
        if partialPath == nil, fsync(descriptor.rawValue) != 0, errno != EINVAL {
            throw .output(call: "write \(path)", errno: errno)
        }
        do {
            try descriptor.close()
        } catch {
            throw .output(call: "close \(path)", error)
        }
        guard let partialPath else { return }
        let result = unsafe partialPath.withPlatformString { old in
            unsafe path.withPlatformString { unsafe rename(old, $0) }
        }
        guard result == 0 else { throw .output(call: "rename \(partialPath) to \(path)", errno: errno) }
    }

    /// Removes what was written.
    package func discard() {
        try? descriptor.close()
        guard let partialPath else { return }
        _ = unsafe partialPath.withPlatformString { unsafe unlink($0) }
    }
}
