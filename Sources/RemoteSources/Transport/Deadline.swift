// Until when someone waits.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A point of the monotonic clock, or of a test's own.
package struct Deadline: Sendable, Comparable {
    /// In seconds.
    package let time: Double

    package static let never = Deadline(at: .infinity)

    package init(at time: Double) {
        self.time = time
    }

    package init(after seconds: Double, from now: Double = MonotonicClock.now) {
        time = now + seconds
    }

    /// Seconds that are left; 0 where none are.
    package func remaining(at now: Double = MonotonicClock.now) -> Double {
        max(0, time - now)
    }

    package func hasPassed(at now: Double = MonotonicClock.now) -> Bool {
        now >= time
    }

    package static func < (one: Deadline, other: Deadline) -> Bool {
        one.time < other.time
    }
}
