// Takes down what is read of a remote object.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Records the blocks of one object, each when it is read first. A program has one, for the object that it opens.
package final class ReadRecorder: Sendable {
    private struct State {
        var reads: RecordedReads?
        var seen: Set<UInt64> = []
        var startTime = 0.0
    }

    private let state = SleepingMutex(State())

    package init() {}

    /// What was read so far; nil where nothing was opened that has a version.
    package var reads: RecordedReads? { state.withLock { $0.reads } }

    func begin(of version: [UInt64]) {
        state.withLock { $0 = State(reads: RecordedReads(of: version), startTime: MonotonicClock.now) }
    }

    func note(_ blocks: Range<UInt64>) {
        let now = MonotonicClock.now
        state.withLock { state in
            for block in blocks where state.seen.count < RecordedReads.mostBlocks {
                guard state.seen.insert(block).inserted else { continue }
                state.reads?.add(block, at: UInt64(max(0, now - state.startTime) * 1_000))
            }
        }
    }
}
