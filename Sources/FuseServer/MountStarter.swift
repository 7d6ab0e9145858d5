// What is left to do once the kernel and the server talk to each other.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CFuse
import FileTree
import Glibc
import Logging
import Synchronization

/// Waits on a thread of its own for the mount to answer, raises the kernel's read-ahead where that is permitted,
/// and tells the one who waits for the mount; where that is gone by then, its server's end does.
final class MountStarter: Sendable {
    /// What the kernel reads ahead of a sequential reader, in KiB; its own default for FUSE is 128.
    private static let readAheadInKiB = 1024

    /// Ends with a NUL.
    private let directory: [CChar]
    /// The device of the directory before anything was mounted there; nil where that is not known.
    private let deviceBelow: dev_t?
    private let log: Logger
    private let whenUsable: @Sendable () -> Void
    private let thread = Mutex<WorkerThread?>(nil)

    /// Made before anything is mounted on `directory`.
    init(directory: [CChar], log: Logger, whenUsable: @escaping @Sendable () -> Void) {
        self.directory = directory
        var status = stat()
        deviceBelow = unsafe stat(directory, &status) == 0 ? status.st_dev : nil
        self.log = log
        self.whenUsable = whenUsable
    }

    func start() {
        // Without a thread to spare, those who wait are told at once: requests queue in the kernel.
        guard let started = try? WorkerThread({ self.run() }) else { return whenUsable() }
        thread.withLock { $0 = started }
    }

    /// Waits until the thread has ended.
    func wait() {
        thread.withLock { $0.take() }?.join()
    }

    private func run() {
        var status = stat()
        // Answered by this process once the session has started, so the mount is usable when it returns. statvfs(3)
        // would have the data of all files counted.
        let result = unsafe stat(directory, &status)
        // A signal may have ended the session before anyone could use it.
        let isGone = result == 0 ? status.st_dev == deviceBelow : [ENOTCONN, ECONNABORTED].contains(errno)
        guard !isGone else { return }
        raiseReadAhead()
        whenUsable()
    }

    /// Only root may; others keep the kernel's default.
    private func raiseReadAhead() {
        guard let device = deviceNumber() else { return }
        let path = "/sys/class/bdi/\(device)/read_ahead_kb"
        let descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            log.debug("read-ahead stays at the kernel's default: \(path) cannot be written")
            return
        }
        defer { close(descriptor) }
        let text = "\(Self.readAheadInKiB)\n"
        _ = unsafe text.utf8.withContiguousStorageIfAvailable {
            unsafe write(descriptor, $0.baseAddress, $0.count)
        }
    }

    /// The mount's device as `major:minor`; nil where the mount has gone meanwhile, and what answers is the file system
    /// below it.
    func deviceNumber() -> String? {
        let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard FileSystemType.isFuse(descriptor), unsafe fstat(descriptor, &status) == 0,
            status.st_dev != deviceBelow
        else { return nil }
        return Self.number(of: status.st_dev)
    }

    /// A device as `major:minor`.
    static func number(of device: dev_t) -> String {
        let device = UInt64(device)
        let major = ((device >> 8) & 0xfff) | ((device >> 32) & ~0xfff)
        let minor = (device & 0xff) | ((device >> 12) & ~0xff)
        return "\(major):\(minor)"
    }
}
