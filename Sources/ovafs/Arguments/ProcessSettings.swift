// What the process sets for itself before it does anything: signals and limits.
// SPDX-License-Identifier: Apache-2.0

import Glibc

enum ProcessSettings {
    /// Makes errors of what would be deaths without a word, and raises what may be raised.
    static func apply() {
        // A reader that goes away is an error of the write (EPIPE), as is a file that may grow no more (EFBIG).
        for deadly in [SIGPIPE, SIGXFSZ] { signal(deadly, SIG_IGN) }
        // A caller that ignores its children's ends passes that on, and we could not learn how ours ended.
        signal(SIGCHLD, SIG_DFL)
        raiseOpenFileLimit()
    }

    /// How many files may be open now.
    static var openFileLimit: UInt64 {
        var limit = rlimit()
        return unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
            ? UInt64(limit.rlim_cur) : 0
    }

    /// A folder package has a file open for each of its members. The soft limit is low for the sake of select(2), which
    /// nothing here uses.
    private static func raiseOpenFileLimit() {
        var limit = rlimit()
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(kind, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(kind, &limit)
    }
}
