// The system's words for an errno.
// SPDX-License-Identifier: Apache-2.0

import SystemPackage

extension ReadError {
    /// The system's description of `errno`, such as "Permission denied".
    static func message(for errno: CInt) -> String {
        Errno(rawValue: errno).description
    }

    /// A system call that failed, from swift-system's error.
    static func system(call: String, _ error: any Error) -> ReadError {
        .system(call: call, errno: (error as? Errno)?.rawValue ?? Errno.ioError.rawValue)
    }
}
