// Which lines a log has already: what a stranger can cause again and again is written once.
// SPDX-License-Identifier: Apache-2.0

/// The lines that were logged lately: none of them twice, and no more than a number of them in an hour. Any thread may use it.
package final class NotedLines: Sendable {
    package enum Answer: Sendable, Equatable {
        case isNew
        /// It is one too many: say that no more are logged for a while.
        case isOneTooMany
        case isKnown
    }

    private struct State {
        var known: Set<String> = []
        var isSilent = false
        /// In seconds of the monotonic clock.
        var since = -Double.infinity
    }

    /// What counts in an hour.
    package static let most = 1_000
    private static let period = 3_600.0

    private let state = SleepingMutex(State())

    package init() {}

    /// Takes note of a line, or of what tells it from others.
    package func note(_ line: String, at now: Double = MonotonicClock.now) -> Answer {
        state.withLock { state in
            if now - state.since >= Self.period { state = State(since: now) }
            guard !state.isSilent, !state.known.contains(line) else { return .isKnown }
            guard state.known.count < Self.most else {
                state.isSilent = true
                return .isOneTooMany
            }
            state.known.insert(line)
            return .isNew
        }
    }
}
