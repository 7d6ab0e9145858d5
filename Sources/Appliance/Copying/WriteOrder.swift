// Whose turn it is to write.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Lets threads that hold stretches of a disk go on one by one, in the order of the disk.
final class WriteOrder: Sendable {
    private struct State {
        var next: UInt64 = 0
        var isCancelled = false
    }

    private let state = Monitor(State())

    /// The bytes that were written so far.
    var position: UInt64 { state.withLock { $0.next } }

    /// Waits until all before `offset` was written; false where that will not be.
    func wait(for offset: UInt64) -> Bool {
        state.withLock(waitingWhile: { $0.next != offset && !$0.isCancelled }) { !$0.isCancelled }
    }

    /// Takes note that `byteCount` more bytes were written.
    func advance(by byteCount: UInt64) {
        state.withLock { $0.next += byteCount }
        state.wake()
    }

    /// Lets all who wait go.
    func cancel() {
        state.withLock { $0.isCancelled = true }
        state.wake()
    }
}
