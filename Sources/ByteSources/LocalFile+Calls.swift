// The system's calls on a file: what they give, and whether they may wait.
// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import SystemPackage

extension LocalFile {
    static func nearness(of descriptor: FileDescriptor) -> Nearness {
        guard !FileSystemType.isMemory(descriptor.rawValue) else { return .memory }
        var byte: UInt8 = 0
        let count = unsafe ovafs_read_without_waiting(descriptor.rawValue, &byte, 1, 0)
        return count >= 0 || errno == EAGAIN ? .cached : .far
    }

    /// Fills `destination` with what the kernel has in memory.
    /// - Throws: `ReadError.wouldWait` where that is not all of it.
    func fillWithoutWaiting(
        _ destination: UnsafeMutableRawBufferPointer, from offset: UInt64
    ) throws(ReadError) {
        guard nearness != .far, let start = off_t(exactly: offset) else { throw .wouldWait }
        let count = unsafe ovafs_read_without_waiting(
            descriptor.rawValue, destination.baseAddress, destination.count, start)
        // An error, too, is left to a thread that reads as usual.
        guard count == destination.count else { throw .wouldWait }
    }

    /// Where `region` next is from `start` on, which lies inside the file; the file's length where it is not.
    func seek(_ region: Region, from start: UInt64) throws(ReadError) -> UInt64 {
        guard let offset = off_t(exactly: start) else { return byteCount }
        // Some file systems read their maps for this, some walk through the pages of the file.
        guard Patience.current == .waits else { throw .wouldWait }
        try PatientRead.checkCancellation()
        let (found, code) = PatientRead.blocking {
            let found = lseek(descriptor.rawValue, offset, region.whence)
            return (found, errno)
        }
        guard found < 0 else { return min(UInt64(found), byteCount) }
        switch code {
        case ENXIO: return byteCount
        // File systems without holes: all data.
        case EINVAL: return region == .data ? start : byteCount
        case let code: throw .system(call: "look for holes of \(path) at byte \(start)", errno: code)
        }
    }

    /// Fills `destination` from `offset`, going on after short reads and interruptions.
    func fill(
        _ destination: UnsafeMutableRawBufferPointer, from offset: UInt64
    ) throws(ReadError) {
        var filled = 0
        while filled < destination.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: destination[filled...])
            let position = off_t(offset) + filled
            let step = unsafe pread(descriptor.rawValue, rest.baseAddress, rest.count, position)
            if step < 0 {
                let code = errno
                guard code == EINTR else {
                    throw .system(call: "read \(path) at byte \(position)", errno: code)
                }
                continue
            }
            // Short of what fstat said: the file was truncated after it was opened.
            guard step > 0 else {
                throw noteChange()
            }
            filled += step
        }
    }

    /// Length, in bytes; stat(2) does not know that of a device.
    static func length(
        of descriptor: FileDescriptor, _ status: stat, path: FilePath, mayBeDevice: Bool
    ) throws(ReadError) -> UInt64 {
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            guard status.st_size > 0 else {
                try checkEmpty(descriptor, path: path)
                return 0
            }
            return UInt64(status.st_size)
        case S_IFBLK where mayBeDevice:
            let length: Int64
            do {
                length = try descriptor.seek(offset: 0, from: .end)
            } catch {
                throw .system(call: "seek \(path)", error)
            }
            guard length > 0 else {
                throw .unsupported(feature: "\(path) is a device without a byte: nothing is attached to it")
            }
            return UInt64(length)
        default: throw .unsupported(feature: "\(path) is not a regular file")
        }
    }

    /// Makes sure that a file without a length has no content either, as those of /proc have.
    private static func checkEmpty(_ descriptor: FileDescriptor, path: FilePath) throws(ReadError) {
        var byte: UInt8 = 0
        // SAFETY: no more than the one byte is written.
        guard unsafe pread(descriptor.rawValue, &byte, 1, 0) != 0 else { return }
        throw .unsupported(
            feature:
                "\(path), a file with content that the system gives no length for; copy it, and read the copy"
        )
    }

    /// It was opened so that opening does not wait; reading does.
    static func makeBlocking(_ descriptor: FileDescriptor, path: FilePath) throws(ReadError) {
        let flags = fcntl(descriptor.rawValue, F_GETFL)
        guard flags >= 0, fcntl(descriptor.rawValue, F_SETFL, flags & ~O_NONBLOCK) >= 0 else {
            throw .system(call: "open \(path)", errno: errno)
        }
    }

    static func status(of descriptor: FileDescriptor, path: FilePath) throws(ReadError) -> stat {
        var status = stat()
        guard unsafe fstat(descriptor.rawValue, &status) == 0 else {
            throw .system(call: "stat \(path)", errno: errno)
        }
        return status
    }
}

extension Region {
    /// SEEK_DATA and SEEK_HOLE of lseek(2), which the C library shows to GNU programs only.
    fileprivate var whence: CInt {
        switch self {
        case .data: 3
        case .hole: 4
        }
    }
}
