// Going into the background: the side that serves.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CLinux
import Glibc

/// What the server does for the one who waits for its mount: it lets go of the terminal and tells that the mount can
/// be used; and where no one waits any more, it ends, so that no mount appears that its caller has given up.
final class BackgroundServer: Sendable {
    /// The socket to the process that waits.
    private let readyDescriptor: CInt
    private let phase = Monitor(Phase.opening)
    /// For how long one who is told of the mount is expected to answer, in seconds: it has nothing else to do.
    private static let longestAnswer = 2.0

    private enum Phase {
        /// Nothing is mounted: the process may end at any moment.
        case opening
        /// The mount is being made, and has to be taken away.
        case mounting
        /// The one who waits has been told that the mount can be used.
        case usable
        /// The one who waited has answered.
        case answered
        /// The one who waits has gone without an answer.
        case abandoned
    }

    /// Has the kernel end this process when the one who waits has gone, until there is a thread that looks after it: threads
    /// come after the sandbox, and the files of the source are opened before.
    static func endWithCaller(_ readyDescriptor: CInt) {
        signal(SIGIO, SIG_DFL)
        ovafs_signal_at_end(readyDescriptor, 1)
        // One who has gone before sends no signal.
        var state = pollfd(fd: readyDescriptor, events: Int16(POLLIN), revents: 0)
        if unsafe poll(&state, 1, 0) > 0 { end() }
    }

    /// - Throws: `CommandFailure` where there is no thread to be had.
    init(readyDescriptor: CInt) throws {
        self.readyDescriptor = readyDescriptor
        ovafs_signal_at_end(readyDescriptor, 0)
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
        let isWanted = phase.withLock { phase in
            guard case .opening = phase else { return false }
            phase = .mounting
            return true
        }
        if !isWanted { Self.end() }
    }

    /// Whether the one who waited knows of the mount; called when that is over.
    var wasAnswered: Bool {
        phase.withLock(waitingWhile: { $0 == .usable }, until: MonotonicClock.now + Self.longestAnswer) {
            // One that is there and does not answer may still read what it was told.
            $0 == .answered || $0 == .usable
        }
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
        phase.withLock { if case .mounting = $0 { $0 = .usable } }
        // Where no one is left to be told, the other thread has seen it, too.
        _ = unsafe write(readyDescriptor, &word, 1)
    }

    /// Waits for the caller's answer, which ends the wait, or for its end.
    private func watchCaller() {
        var word: UInt8 = 0
        var count: Int
        repeat { count = unsafe read(readyDescriptor, &word, 1) } while count < 0 && errno == EINTR
        let isAnswer = count == 1
        let isMounting = phase.withLock { phase in
            defer { phase = isAnswer ? .answered : .abandoned }
            return phase != .opening
        }
        phase.wake()
        guard !isAnswer else {
            close(readyDescriptor)
            return
        }
        if !isMounting { Self.end() }
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
