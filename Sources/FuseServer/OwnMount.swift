// A mount that the process makes which serves it.
// SPDX-License-Identifier: Apache-2.0

import CFuse
import Glibc
import Logging
import Synchronization

/// Keeps the session of libfuse that has made the mount, beside the one that serves it.
final class OwnMount: MountKeeper {
    /// Ends with a NUL.
    private let directory: [CChar]
    private let options: SessionOptions
    private let log: Logger
    private let state = Mutex<State>(State())

    private struct State {
        /// Made before the mount is.
        var answer: MountAnswer?
        /// The address of libfuse's session.
        var session: UInt?
    }

    /// `directory` is the bytes of an absolute path.
    init(at directory: [UInt8], options: SessionOptions, log: Logger) {
        self.directory = directory.map(CChar.init(bitPattern:)) + [0]
        self.options = options
        self.log = log
    }

    func mount() throws(MountError) -> CInt {
        let answer = MountAnswer(directory: directory, log: log)
        let session = unsafe try KernelMount.mountedSession(at: directory, options)
        do throws(MountError) {
            let device = unsafe try KernelMount.duplicatedDevice(of: session)
            let address = UInt(bitPattern: session)
            state.withLock {
                $0.answer = answer
                $0.session = address
            }
            return device
        } catch {
            unsafe fuse_session_destroy(session)
            throw error
        }
    }

    func waitUntilUsable() -> Bool {
        state.withLock { $0.answer }?.wait() ?? false
    }

    func takeAway(wasCut: Bool) {
        guard let address = state.withLock({ $0.session.take() }),
            let session = unsafe OpaquePointer(bitPattern: address)
        else { return }
        // Leaves a mount where it is whose connection was cut, as `umount -f` does; no one else would take it away.
        unsafe fuse_session_unmount(session)
        unsafe fuse_session_destroy(session)
        if wasCut, isDead { _ = unsafe umount2(directory, CInt(MNT_DETACH)) }
    }

    /// Whether something is mounted there whose server has gone.
    private var isDead: Bool {
        // Attributes the kernel would give from what it remembers.
        var status = statvfs()
        return unsafe statvfs(directory, &status) != 0 && errno == ENOTCONN
    }
}
