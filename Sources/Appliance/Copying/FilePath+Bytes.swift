// Paths as the bytes that they are.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Glibc
package import SystemPackage

extension FilePath {
    /// The path of these bytes, up to the first NUL.
    package init(bytes: [UInt8]) {
        let characters = bytes.prefix { $0 != 0 }.map(CChar.init(bitPattern:)) + [0]
        self.init(platformString: characters)
    }

    /// The path's bytes.
    package var bytes: [UInt8] {
        // SAFETY: the string ends with a NUL and lives for the call.
        unsafe withPlatformString { unsafe Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    }

    /// The path of the file `name` in this folder.
    package func file(named name: [UInt8]) -> FilePath {
        FilePath(bytes: bytes + [UInt8(ascii: "/")] + name)
    }

    /// The path with `suffix` behind its last name, which is cut where a name would be longer than Linux takes.
    package func beside(suffix: String) -> FilePath {
        let suffix = Array(suffix.utf8)
        let whole = bytes
        let start = whole.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        let name = whole[start...].prefix(max(1, 255 - suffix.count))
        return FilePath(bytes: whole[..<start] + name + suffix)
    }
}

/// What stands at a path.
enum FileStatus {
    /// What stands at `path`, without following a link there; nil where nothing does.
    static func ofName(_ path: FilePath) throws(CopyError) -> stat? {
        var status = stat()
        // SAFETY: the string and the status live for the call.
        let result = unsafe path.withPlatformString { unsafe lstat($0, &status) }
        return try checked(status, result, path)
    }

    /// What stands at `path`, or behind the link there; nil where nothing does.
    static func behindName(_ path: FilePath) throws(CopyError) -> stat? {
        var status = stat()
        // SAFETY: the string and the status live for the call.
        let result = unsafe path.withPlatformString { unsafe stat($0, &status) }
        return try checked(status, result, path)
    }

    private static func checked(_ status: stat, _ result: CInt, _ path: FilePath) throws(CopyError) -> stat? {
        if result == 0 { return status }
        guard errno == ENOENT else {
            throw .output(call: "look at \(path)", errno: errno)
        }
        return nil
    }
}

extension FileNumber {
    /// The file at `path`, or behind the link there; nil where there is none.
    package init?(at path: FilePath) {
        guard let status = try? FileStatus.behindName(path) else { return nil }
        self.init(status)
    }
}
