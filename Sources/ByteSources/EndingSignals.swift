// The signals that end a mount, held back while half of it is made.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// SIGINT, SIGTERM and SIGHUP, for the calling thread: the only one that takes signals (`WorkerThread`). One that comes
/// while they are held back takes effect when they are let in.
package enum EndingSignals {
    package static func holdBack() { change(SIG_BLOCK) }

    /// Also where the caller held them back, which it passes on to its children.
    package static func letIn() { change(SIG_UNBLOCK) }

    private static func change(_ how: CInt) {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        for signal in [SIGINT, SIGTERM, SIGHUP] { unsafe sigaddset(&signals, signal) }
        unsafe pthread_sigmask(how, &signals, nil)
    }
}
