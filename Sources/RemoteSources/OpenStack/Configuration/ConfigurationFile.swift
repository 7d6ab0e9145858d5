// A file of settings, as it is read from the disk.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A file's bytes, and whether others can read them.
package struct ConfigurationFile: Sendable, Equatable {
    package let bytes: [UInt8]
    /// Whether the file's mode lets anyone but its owner read it.
    package let isOpenToOthers: Bool

    package init(bytes: [UInt8], isOpenToOthers: Bool) {
        self.bytes = bytes
        self.isOpenToOthers = isOpenToOthers
    }

    /// What may be at a path.
    package enum Place: Sendable, Equatable {
        case absent
        /// It is there, and the user may not read it: the next one is looked for.
        case forbidden
        case file(ConfigurationFile)
        /// It is there, and is no file of settings; why.
        case unusable(reason: String)
    }

    /// Looks at `path`. Of a longer file, `YAMLDocument.byteLimit + 1` bytes are read, which its parser then refuses.
    package static func at(_ path: String) -> Place {
        guard !path.utf8.contains(0) else { return .absent }
        // A pipe without a writer would block the opening.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            return switch errno {
            case ENOENT, ENOTDIR: .absent
            case EACCES, EPERM: .forbidden
            default: .unusable(reason: message(for: errno))
            }
        }
        defer { close(descriptor) }
        var status = stat()
        // SAFETY: the status lives for the call.
        guard unsafe fstat(descriptor, &status) == 0 else { return .unusable(reason: message(for: errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else { return .unusable(reason: "it is not a file") }
        var code: CInt = 0
        let limit = YAMLDocument.byteLimit + 1
        // SAFETY: the system writes at most as many bytes as it is told of.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            while count < limit {
                let step = unsafe read(descriptor, buffer.baseAddress?.advanced(by: count), limit - count)
                guard step > 0 else {
                    if step < 0, errno == EINTR { continue }
                    if step < 0 { code = errno }
                    return
                }
                count += step
            }
        }
        guard code == 0 else { return .unusable(reason: message(for: code)) }
        return .file(ConfigurationFile(bytes: bytes, isOpenToOthers: status.st_mode & 0o044 != 0))
    }

    private static func message(for code: CInt) -> String {
        // SAFETY: the C library's own text, copied at once.
        unsafe String(cString: strerror(code))
    }
}
