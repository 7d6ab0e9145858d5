// A file without a name, which holds what has come of a transfer.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CLinux
import Glibc

/// Bytes on disk that end with the program.
final class SpoolFile: Sendable {
    private let descriptor: CInt

    /// - Throws: `ReadError.system` where `folder` takes no file.
    init(in folder: String) throws(ReadError) {
        // O_TMPFILE, which the importer does not see.
        let made = unsafe open(folder, 0x400000 | O_DIRECTORY | O_RDWR | O_CLOEXEC, 0o600)
        if made >= 0 {
            descriptor = made
            return
        }
        let name = "\(folder)/.ovafs-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        descriptor = unsafe open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .system(call: "make a file in \(folder) for what comes in one piece", errno: errno)
        }
        _ = unsafe unlink(name)
    }

    deinit {
        close(descriptor)
    }

    /// What the file system has left, in bytes.
    var freeByteCount: UInt64 {
        var status = statvfs()
        guard unsafe fstatvfs(descriptor, &status) == 0 else { return .max }
        let (count, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(
            by: UInt64(status.f_frsize))
        return overflow ? .max : count
    }

    /// Writes all of `bytes` at `offset`.
    func write(_ bytes: RawSpan, at offset: UInt64) throws(ReadError) {
        var code: CInt = 0
        // SAFETY: the system reads what is left of the span.
        unsafe bytes.withUnsafeBytes { buffer in
            var written = 0
            while written < buffer.count, code == 0 {
                let step = unsafe pwrite(
                    descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written,
                    off_t(truncatingIfNeeded: offset &+ UInt64(written)))
                if step > 0 {
                    written += step
                } else if step == 0 || errno != EINTR {
                    code = step == 0 ? EIO : errno
                }
            }
        }
        guard code == 0 else { throw .system(call: "keep what comes in one piece", errno: code) }
    }

    /// Whether the file holds `bytes` at `offset`.
    func holds(_ bytes: RawSpan, at offset: UInt64) -> Bool {
        var copy = [UInt8](repeating: 0, count: bytes.byteCount)
        // SAFETY: the system writes at most as many bytes as the array has.
        let isRead = unsafe copy.withUnsafeMutableBytes { unsafe fill($0, at: offset) }
        guard isRead else { return false }
        // SAFETY: both are read for the time of the calls.
        return unsafe copy.withUnsafeBytes { one in
            unsafe bytes.withUnsafeBytes { other in unsafe one.elementsEqual(other) }
        }
    }

    /// Appends `count` bytes from `offset` on, which were written.
    /// - Throws: `ReadError.wouldWait` where this thread may not wait and they are not in memory.
    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        var isRead = false
        let mayWait = Patience.current == .waits
        // SAFETY: the room was checked by the caller, and what was filled is what is reported as filled.
        unsafe output.withUnsafeMutableBytes { buffer, initializedCount in
            let room = unsafe UnsafeMutableRawBufferPointer(
                rebasing: buffer[initializedCount..<(initializedCount + count)])
            isRead =
                mayWait
                ? PatientRead.blocking { unsafe fill(room, at: offset) }
                : unsafe ovafs_read_without_waiting(
                    descriptor, room.baseAddress, count, off_t(truncatingIfNeeded: offset)) == count
            if isRead { initializedCount += count }
        }
        guard isRead else {
            if !mayWait { throw .wouldWait }
            throw .system(call: "read what came in one piece", errno: EIO)
        }
    }

    /// Fills `room` with what was written from `offset` on.
    func fill(_ room: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Bool {
        var filled = 0
        while filled < room.count {
            let step = unsafe pread(
                descriptor, room.baseAddress?.advanced(by: filled), room.count - filled,
                off_t(truncatingIfNeeded: offset &+ UInt64(filled)))
            if step > 0 { filled += step } else if step == 0 || errno != EINTR { return false }
        }
        return true
    }
}
