// Someone who waits for a block.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Told once, when the block is here or will not come.
final class BlockWaiter: Sendable {
    private let outcome = Monitor<Result<BlockBuffer, ReadError>?>(nil)

    /// The block is pinned for who waits.
    func tell(_ result: Result<BlockBuffer, ReadError>) {
        outcome.withLock { if $0 == nil { $0 = result } }
        outcome.wake()
    }

    /// Waits until `time` of the monotonic clock at most; nil where nothing was told by then.
    func wait(until time: Double) -> Result<BlockBuffer, ReadError>? {
        outcome.withLock(waitingWhile: { $0 == nil }, until: time) { $0 }
    }
}
