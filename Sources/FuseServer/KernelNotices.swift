// What the kernel is told without having asked.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CFuse

/// Has the kernel forget names. It is for threads that no request waits for: the kernel may let them wait for requests.
final class KernelNotices: Sendable {
    // SAFETY: the session is used while `isAtWork`, and not destroyed meanwhile.
    @safe private struct Session: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private struct State {
        var session: Session?
        var isAtWork = false
    }

    private let state = Monitor(State())

    func begin(_ session: OpaquePointer) {
        let session = unsafe Session(pointer: session)
        state.withLock { $0.session = session }
    }

    /// Has the kernel forget the entries `names` of the directory `parent`, and what is below them, as far as no one uses it,
    /// while that is `wanted`: one who enters the directory again holds its lock, for which the kernel would wait.
    func forget(_ names: [[UInt8]], in parent: UInt64, while wanted: () -> Bool = { true }) {
        let session = state.withLock(waitingWhile: { $0.isAtWork && $0.session != nil }) { state in
            if state.session != nil { state.isAtWork = true }
            return state.session
        }
        guard let session else { return }
        for name in names where state.withLock({ $0.session != nil }) && wanted() {
            // SAFETY: libfuse reads as many bytes as it is told of, for the time of the call.
            unsafe name.withUnsafeBytes { name in
                _ = unsafe fuse_lowlevel_notify_inval_entry(
                    session.pointer, parent, name.baseAddress?.assumingMemoryBound(to: CChar.self), name.count
                )
            }
        }
        state.withLock { $0.isAtWork = false }
        state.wake()
    }

    /// From now on nothing is told.
    /// - Returns: Whether no thread uses the session any more; waited for at most until `deadline` (seconds of the
    ///   monotonic clock).
    func end(until deadline: Double) -> Bool {
        state.withLock { $0.session = nil }
        state.wake()
        return state.withLock(waitingWhile: { $0.isAtWork }, until: deadline) { !$0.isAtWork }
    }
}
