// Where a path leads.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import SystemPackage

extension FilePath {
    /// The path without links from the root on; nil, with errno, where it leads nowhere.
    var resolved: FilePath? {
        // SAFETY: the string lives for the call.
        unsafe withPlatformString { path in
            guard let resolved = unsafe realpath(path, nil) else { return nil }
            // SAFETY: realpath's result is a C string of our own.
            defer { unsafe free(resolved) }
            return unsafe FilePath(platformString: resolved)
        }
    }
}
