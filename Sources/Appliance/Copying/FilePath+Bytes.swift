// Paths as the bytes that they are.
// SPDX-License-Identifier: Apache-2.0

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

    /// The last name's bytes; nil where there is none.
    package var lastName: [UInt8]? {
        lastComponent.map { FilePath(root: nil, components: $0).bytes }
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
