// Which units of a file were found right, written from time to time.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Writes what is told to it: the first time at once, then at most every ten seconds, and what is left when it ends.
final class IndexKeeper: Sendable {
    private struct State {
        var waiting: CheckedUnits?
        var lastWrite: Double?
    }

    private let write: @Sendable (CheckedUnits) -> Void
    private let state = SleepingMutex(State())

    private static let leastSeconds = 10.0

    init(_ write: @escaping @Sendable (CheckedUnits) -> Void) {
        self.write = write
    }

    deinit {
        if let waiting = state.withLock({ $0.waiting }) { write(waiting) }
    }

    func note(_ checked: CheckedUnits) {
        let isDue = state.withLock { state in
            let now = MonotonicClock.now
            if let last = state.lastWrite, now < last + Self.leastSeconds {
                state.waiting = checked
                return false
            }
            state.lastWrite = now
            state.waiting = nil
            return true
        }
        if isDue { write(checked) }
    }
}
