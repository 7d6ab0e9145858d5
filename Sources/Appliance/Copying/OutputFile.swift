// A file that is written whole or not at all.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import Synchronization
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
    private let overwrites: Bool
    private let isClosed = Atomic<Bool>(false)
    private let isFinished = Atomic<Bool>(false)

    /// Opens the output for a disk of `byteCount` bytes.
    ///
    /// `overwrites` says whether a file that is there already may be replaced.
    ///
    /// - Throws: `CopyError.output` as open(2) fails; with EEXIST where the file is there.
    package init(path: FilePath, byteCount: UInt64, overwrites: Bool) throws(CopyError) {
        self.path = path
        self.overwrites = overwrites
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
        guard let partialPath else {
            descriptor = try Self.open(path, options: [.closeOnExec])
            return
        }
        descriptor = try Self.openAndLock(partialPath)
        // Not where there is nothing to cut off: ext4 writes a file that was cut to nothing to the disk when it
        // is closed, which takes as long as a third of the copy.
        let isEmpty = unsafe fstat(descriptor.rawValue, &status) == 0 && status.st_size == 0
        guard isEmpty || ftruncate(descriptor.rawValue, 0) == 0, ftruncate(descriptor.rawValue, length) == 0
        else {
            let code = errno
            discard()
            throw .output(call: "set the length of \(path)", errno: code)
        }
    }

    /// Opens what an earlier copy may have left behind; what another one writes now is left alone.
    private static func openAndLock(_ path: FilePath) throws(CopyError) -> FileDescriptor {
        while true {
            let descriptor = try open(path, options: [.create, .noFollow, .closeOnExec])
            guard flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else {
                let code = errno
                try? descriptor.close()
                throw .output(call: "lock \(path), which another copy writes", errno: code)
            }
            var opened = stat()
            var named = stat()
            if unsafe fstat(descriptor.rawValue, &opened) == 0,
                unsafe path.withPlatformString({ unsafe lstat($0, &named) }) == 0,
                opened.st_dev == named.st_dev, opened.st_ino == named.st_ino
            {
                return descriptor
            }
            // Before it was locked, another copy finished it: it has its own name by now.
            try? descriptor.close()
        }
    }

    private static func open(
        _ path: FilePath, options: FileDescriptor.OpenOptions
    ) throws(CopyError) -> FileDescriptor {
        do {
            return try FileDescriptor.open(
                path, .writeOnly, options: options, permissions: [.ownerReadWrite, .groupRead, .otherRead])
        } catch {
            throw .output(call: "create \(path)", error)
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
    ///
    /// `isDurable` says whether it has to be on the disk by then, name and all: without that, a crash of the machine
    /// soon after can leave the name without the bytes.
    package func finish(isDurable: Bool = false) throws(CopyError) {
        // A device takes what is written later, and says only then that it could not.
        if isDurable || partialPath == nil, fsync(descriptor.rawValue) != 0, errno != EINVAL {
            throw .output(call: "write \(path)", errno: errno)
        }
        // Some file systems tell of failed writes when a file is closed; closing a duplicate keeps the lock.
        do {
            try descriptor.duplicate().close()
        } catch {
            throw .output(call: "close \(path)", error)
        }
        if let partialPath { try giveName(to: partialPath) }
        isFinished.store(true, ordering: .relaxed)
        if isDurable, partialPath != nil { try synchronizeDirectory() }
        close()
    }

    /// While the lock is held, so that no other copy begins with this file. A file that came to be at the path
    /// meanwhile is replaced only where that is wanted.
    private func giveName(to partialPath: FilePath) throws(CopyError) {
        var status = stat()
        let code = unsafe partialPath.withPlatformString { old in
            unsafe path.withPlatformString { new -> CInt in
                if !overwrites, unsafe lstat(new, &status) == 0 { return EEXIST }
                return unsafe rename(old, new) == 0 ? 0 : errno
            }
        }
        guard code == 0 else {
            throw .output(call: "rename \(partialPath) to \(path)", errno: code)
        }
    }

    /// Once: by then the number may be another file's.
    private func close() {
        if !isClosed.exchange(true, ordering: .relaxed) { try? descriptor.close() }
    }

    /// Writes the new name to the disk.
    private func synchronizeDirectory() throws(CopyError) {
        let folder = path.removingLastComponent()
        do {
            let descriptor = try FileDescriptor.open(
                folder.isEmpty ? "." : folder, .readOnly, options: [.directory, .closeOnExec])
            defer { try? descriptor.close() }
            guard fsync(descriptor.rawValue) == 0 || errno == EINVAL else { throw Errno(rawValue: errno) }
        } catch {
            throw .output(call: "write the directory of \(path)", error)
        }
    }

    /// Removes what was written.
    package func discard() {
        defer { close() }
        guard let partialPath, !isFinished.load(ordering: .relaxed) else { return }
        _ = unsafe partialPath.withPlatformString { unsafe unlink($0) }
    }
}
