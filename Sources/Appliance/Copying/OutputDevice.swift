// A block device that a disk is copied to.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CLinux
import Glibc
import Synchronization
package import SystemPackage

/// A block device, overwritten in place. All of the disk is written, zeros too: what a device held stays otherwise.
package final class OutputDevice: CopyOutput {
    package let keepsHoles = false

    private let path: FilePath
    private let descriptor: FileDescriptor
    private let hasWritten = Atomic<Bool>(false)
    private let isComplete = Atomic<Bool>(false)

    /// Opens the device for a disk of `byteCount` bytes; nothing is written yet.
    /// - Throws: `CopyError.refused` where the device is in use, or shorter than the disk.
    package init(path: FilePath, byteCount: UInt64) throws(CopyError) {
        self.path = path
        let name = path.string
        // O_EXCL without O_CREAT is refused for a device that is mounted or part of another one.
        let number = unsafe path.withPlatformString {
            unsafe Glibc.open($0, O_WRONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC)
        }
        guard number >= 0 else {
            if errno == EBUSY { throw .refused("\(name) is in use: mounted, or part of another device") }
            throw .output(call: "open \(name)", errno: errno)
        }
        descriptor = FileDescriptor(rawValue: number)
        var status = stat()
        var length: UInt64 = 0
        guard unsafe fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFBLK else {
            throw .refused("\(name) is no longer a block device")
        }
        // SAFETY: the request writes 8 bytes.
        guard unsafe ioctl(number, ovafs_device_length_request, &length) == 0 else {
            throw .output(call: "ask for the length of \(name)", errno: errno)
        }
        guard length >= byteCount else {
            throw .refused("\(name) has \(length) bytes, and the disk \(byteCount)")
        }
    }

    package var isFinished: Bool { isComplete.load(ordering: .relaxed) }

    deinit { try? descriptor.close() }

    package func write(_ buffer: CopyBuffer, _ range: Range<Int>, at offset: UInt64) throws(CopyError) {
        hasWritten.store(true, ordering: .relaxed)
        try buffer.write(range, to: descriptor, at: offset, named: path)
    }

    package func finish(isDurable: Bool) throws(CopyError) {
        // A device takes what is written later, and says only then that it could not.
        guard fsync(descriptor.rawValue) == 0 else {
            throw .output(call: "write \(path)", errno: errno)
        }
        isComplete.store(true, ordering: .relaxed)
    }

    package func discard() -> String? {
        hasWritten.load(ordering: .relaxed) && !isFinished
            ? "\(path) has been overwritten in part" : nil
    }
}
