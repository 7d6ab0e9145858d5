// Which of the threads that wait for work are more than is needed: a value that knows no threads.
// SPDX-License-Identifier: Apache-2.0

/// Counts the threads that have nothing to do. Those that all of a period went by without are told to end, so that a burst
/// of requests does not leave its threads for as long as the mount lives.
struct IdleWorkers {
    /// Seconds.
    let period: Double

    private(set) var count = 0
    /// The fewest that were idle at once in this period.
    private var least = 0
    private var periodEnd = -Double.infinity
    /// How many of the last period's are still to end.
    private var surplus = 0

    init(period: Double) {
        self.period = period
    }

    /// A thread has nothing to do at `now`, in seconds of the monotonic clock. The result says whether it is to wait for
    /// something; else it is to end, which is said only to one that may.
    mutating func add(now: Double, mayEnd: Bool) -> Bool {
        if now >= periodEnd {
            surplus = least
            least = count
            periodEnd = now + period
        }
        if mayEnd, surplus > 0 {
            surplus -= 1
            return false
        }
        count += 1
        return true
    }

    /// One of them has something to do, or ends.
    mutating func remove() {
        count -= 1
        least = min(least, count)
    }
}
