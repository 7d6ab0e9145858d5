// The first answer of a mount, and what the kernel reads ahead of it from then on.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CFuse
import Glibc
package import Logging

/// A mount that is made and whose server has not answered yet, seen from the outside.
package struct MountAnswer: Sendable {
    /// What the kernel reads ahead of a sequential reader, in KiB; its own default for FUSE is 128.
    private static let readAheadInKiB = 1024

    /// Ends with a NUL.
    private let directory: [CChar]
    /// The device of the directory before anything was mounted there; nil where that is not known.
    private let deviceBelow: dev_t?
    private let log: Logger

    /// Made before anything is mounted on `directory`, which ends with a NUL.
    package init(directory: [CChar], log: Logger) {
        self.directory = directory
        var status = stat()
        deviceBelow = unsafe stat(directory, &status) == 0 ? status.st_dev : nil
        self.log = log
    }

    /// Waits for the mount to answer, and raises the kernel's read-ahead where that is permitted.
    /// - Returns: False where the mount has gone before anyone could use it.
    package func wait() -> Bool {
        var status = stat()
        // Answered by the server once the session has started, so the mount is usable when it returns. statvfs(3)
        // would have the data of all files counted.
        let result = unsafe stat(directory, &status)
        // A signal may have ended the session before anyone could use it.
        let isGone = result == 0 ? status.st_dev == deviceBelow : [ENOTCONN, ECONNABORTED].contains(errno)
        guard !isGone else { return false }
        raiseReadAhead()
        return true
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
