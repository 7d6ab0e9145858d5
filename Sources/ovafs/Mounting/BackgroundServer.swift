// Going into the background: the side that serves.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What the server does once the mount can be used: lets go of the terminal, and tells the one who waits.
struct BackgroundServer: Sendable {
    /// The pipe to the process that waits.
    private let readyDescriptor: CInt

    init(readyDescriptor: CInt) {
        self.readyDescriptor = readyDescriptor
        _ = fcntl(readyDescriptor, F_SETFD, FD_CLOEXEC)
        // A session of its own: the terminal's signals do not reach a server in the background.
        setsid()
    }

    func mountIsUsable() {
        // First the descriptors: whoever reads our standard error waits until all have closed it.
        let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        if null >= 0 {
            for descriptor: CInt in 0...2 { dup2(null, descriptor) }
            close(null)
        }
        _ = unsafe chdir("/")
        var word: UInt8 = 1
        let count = unsafe write(readyDescriptor, &word, 1)
        close(readyDescriptor)
        // The one who asked for the mount has gone away: so does the mount.
        if count != 1 { kill(getpid(), SIGTERM) }
    }
}
