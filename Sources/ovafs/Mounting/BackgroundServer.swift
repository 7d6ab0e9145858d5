// Going into the background: the side that serves.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import Synchronization

/// What the server does for the one who waits for its mount: it lets go of the terminal and tells that the mount can
/// be used; and where no one waits any more, it ends, so that no mount appears that its caller has given up.
final class BackgroundServer: Sendable {
    /// The socket to the process that waits.
    private let readyDescriptor: CInt
    private let phase = Atomic<Phase>(.opening)

    private enum Phase: UInt8, AtomicRepresentable {
        /// Nothing is mounted: the process may end at any moment.
        case opening
        /// The mount is being made or is there, and has to be taken away.
        case mounting
        /// The one who waits has gone before anything was mounted.
        case abandoned
    }

    /// - Throws: `CommandFailure` where there is no thread to be had.
    init(readyDescriptor: CInt) throws {
        self.readyDescriptor = readyDescriptor
        _ = fcntl(readyDescriptor, F_SETFD, FD_CLOEXEC)
        // A session of its own: the terminal's signals do not reach a server in the background.
        setsid()
        do throws(ReadError) {
            _ = try WorkerThread { self.watchCaller() }
        } catch {
            throw CommandFailure(status: .cannotMount, message: "cannot start a thread: \(error)")
        }
    }

    /// Called before anything is mounted; does not return where no one waits any more.
    func mountBegins() {
        let (isWanted, _) = phase.compareExchange(
            expected: .opening, desired: .mounting, ordering: .sequentiallyConsistent)
        if !isWanted { Self.end() }
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
        // Where no one is left to be told, the other thread has seen it, too.
        _ = unsafe write(readyDescriptor, &word, 1)
    }

    /// Waits for the caller's answer, which ends the wait, or for its end.
    private func watchCaller() {
        var word: UInt8 = 0
        var count: Int
        repeat { count = unsafe read(readyDescriptor, &word, 1) } while count < 0 && errno == EINTR
        guard count != 1 else {
            close(readyDescriptor)
            return
        }
        let (isUnmounted, _) = phase.compareExchange(
            expected: .opening, desired: .abandoned, ordering: .sequentiallyConsistent)
        if isUnmounted { Self.end() }
        // Until it is heard: a signal may come between the moment when the session looks and that when it waits.
        while true {
            kill(getpid(), SIGTERM)
            usleep(50_000)
        }
    }

    private static func end() -> Never {
        _exit(ExitStatus.cannotMount.rawValue)
    }
}
