// How many requests decode at once: places that a thread takes for the time in which it needs a processor.
// SPDX-License-Identifier: Apache-2.0

/// A number of places. Any thread may use it.
package final class DecoderPlaces: Sendable {
    private struct State {
        var takenCount = 0
        var isUnlimited = false
    }

    private let limit: Int
    private let state = Monitor(State())

    package init(_ limit: Int) {
        self.limit = limit
    }

    /// From now on everyone finds a place: what is under way is to come to its end.
    package func liftLimit() {
        state.withLock { $0.isUnlimited = true }
        state.wake()
    }

    /// Waits for a place and takes it.
    func take() {
        state.withLock(waitingWhile: { !$0.isUnlimited && $0.takenCount >= limit }) { $0.takenCount += 1 }
    }

    func giveBack() {
        state.withLock { $0.takenCount -= 1 }
        state.wake(all: false)
    }
}
