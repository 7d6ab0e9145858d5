// A system call that failed, in the system's words.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A system call that failed.
struct SystemError: Error, CustomStringConvertible {
    let errno: CInt

    /// The system's own words.
    var description: String { unsafe String(cString: strerror(errno)) }
}
