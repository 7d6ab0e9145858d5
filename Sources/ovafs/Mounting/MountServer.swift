// Which process serves a mount, known without asking it for anything.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CLinux
import Glibc
import Synchronization

/// The server of a mount that is there. A server listens, as long as it lives, at a name of the system that has the mount's
/// device in it (unix(7), an abstract address), and reads nothing there; the kernel tells who connects which process
/// listens there: docs/decisions/0051-end-of-a-server.md.
final class MountServer {
    let processID: pid_t
    /// A pidfd: it stands for the process, whoever has its number later.
    private let process: CInt

    private static let backlog: CInt = 16
    private static let callerMilliseconds: CInt = 500
    private static let attempts = 100
    private static let secondsBetweenAttempts = 0.1

    /// SO_PEERCRED of getsockopt(2), which the C library shows to GNU programs only.
    private static let peerRequest: CInt = 17

    /// The socket at which this process listens.
    private static let announced = Mutex<CInt?>(nil)

    /// Called by the server, which listens until its mount is gone. Where it cannot, no one waits for its end.
    static func announce(device: String) {
        guard let socket = makeSocket() else { return }
        announced.withLock { $0 = socket }
        let isListening = listen(with: socket, device: device)
        let thread = try? WorkerThread {
            // What was withdrawn before it listened was shut in vain.
            if isListening || listenLater(with: socket, device: device), isAnnounced(socket) {
                dismissCallers(of: socket)
            }
            announced.withLock { if $0 == socket { $0 = nil } }
            close(socket)
        }
        guard thread == nil else { return }
        announced.withLock { $0 = nil }
        close(socket)
    }

    private static func listen(with socket: CInt, device: String) -> Bool {
        unsafe withAddress(of: device) { unsafe bind(socket, $0, $1) } == 0
            && Glibc.listen(socket, backlog) == 0 && fcntl(socket, F_SETFL, 0) == 0
    }

    /// The server of a mount that has just ended has the name for a moment longer than its device.
    private static func listenLater(with socket: CInt, device: String) -> Bool {
        for _ in 0..<attempts where isAnnounced(socket) {
            MonotonicClock.sleep(until: MonotonicClock.now + secondsBetweenAttempts)
            if listen(with: socket, device: device) { return true }
        }
        return false
    }

    private static func isAnnounced(_ socket: CInt) -> Bool {
        announced.withLock { $0 == socket }
    }

    /// Called by the server when its mount is gone: the next mount may have the same device. Those who have connected know
    /// the process already.
    static func withdraw() {
        announced.withLock { socket in
            // Its thread closes it.
            if let socket { _ = shutdown(socket, CInt(SHUT_RDWR)) }
            socket = nil
        }
    }

    /// Lets those who connect go again, one after the other, so that there is room for the next: each when it has what it
    /// wants, or after a moment. Ends when the socket is shut.
    private static func dismissCallers(of socket: CInt) {
        while true {
            let caller = accept(socket, nil, nil)
            guard caller >= 0 else {
                switch errno {
                case EINTR, ECONNABORTED: continue
                case EINVAL: return
                default:
                    // Where there is no descriptor for one more, there may be later.
                    sleep(1)
                    continue
                }
            }
            var state = pollfd(fd: caller, events: Int16(POLLIN), revents: 0)
            if isAnnounced(socket) { _ = unsafe poll(&state, 1, callerMilliseconds) }
            close(caller)
        }
    }

    /// The server of `mount`; nil where it cannot be told: it has ended, belongs to another user than the mount does, or runs
    /// where its number means nothing here.
    init?(of mount: MountTableEntry) {
        guard let socket = Self.makeSocket() else { return nil }
        defer { close(socket) }
        guard unsafe Self.withAddress(of: mount.device, { unsafe connect(socket, $0, $1) }) == 0,
            let peer = Self.peer(of: socket), peer.userID == mount.userID, peer.processID > 0
        else { return nil }
        let process = ovafs_open_process(peer.processID)
        guard process >= 0 else { return nil }
        // It still listens, so that the number was its own when the process was opened.
        var state = pollfd(fd: socket, events: 0, revents: 0)
        guard unsafe poll(&state, 1, 0) == 0 else {
            close(process)
            return nil
        }
        self.process = process
        processID = peer.processID
    }

    deinit {
        close(process)
    }

    /// Waits for the server's end; false where that takes longer than `seconds`.
    func waitForEnd(seconds: Int) -> Bool {
        let deadline = SuspendingClock.now + .seconds(seconds)
        while true {
            let rest = (deadline - SuspendingClock.now) / .milliseconds(1)
            var state = pollfd(fd: process, events: Int16(POLLIN), revents: 0)
            let count = unsafe poll(&state, 1, CInt(max(0, rest.rounded(.up))))
            guard count < 0, errno == EINTR else { return count > 0 }
        }
    }

    /// A socket that never waits.
    private static func makeSocket() -> CInt? {
        let result = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        guard result >= 0 else { return nil }
        _ = fcntl(result, F_SETFD, FD_CLOEXEC)
        _ = fcntl(result, F_SETFL, O_NONBLOCK)
        return result
    }

    /// Calls `body` with the address for a mount of this device.
    private static func withAddress(
        of device: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // A name that begins with NUL is in no folder.
        let name = [0] + Array("ovafs-mount-\(device)".utf8)
        // SAFETY: the numbers of a device make the name much shorter than the room for it.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
        let length = (MemoryLayout.offset(of: \sockaddr_un.sun_path) ?? 0) + name.count
        // SAFETY: the address lives for the call, and is as long as is said.
        return unsafe withUnsafePointer(to: address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(length))
            }
        }
    }

    /// Who listens where `socket` is connected to.
    private static func peer(of socket: CInt) -> (processID: pid_t, userID: UInt32)? {
        // struct ucred: process, user, group.
        var words: [UInt32] = [0, 0, 0]
        var length = socklen_t(12)
        // SAFETY: no more is written than the array holds.
        guard unsafe getsockopt(socket, SOL_SOCKET, peerRequest, &words, &length) == 0, length == 12 else {
            return nil
        }
        return (pid_t(bitPattern: words[0]), words[1])
    }
}
