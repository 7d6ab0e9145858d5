// When something that failed is tried again.
// SPDX-License-Identifier: Apache-2.0

/// Failures in a row, and how long is waited after each: a random part of a time that doubles. A value; it knows no clock.
struct RetryPolicy: Sendable, Equatable {
    /// The longest wait after the first failure, and after any, in seconds.
    static let shortestLimit = 0.1
    static let longestLimit = 10.0
    /// Who was never reached is tried for so long, in seconds: a server that is started anew, or a network that is about to
    /// come, is there by then, and who mistyped a name waits no longer.
    static let longestFirstContact = 10.0
    /// Meanwhile no wait is longer, in seconds.
    static let longestFirstContactWait = 1.0

    private(set) var failureCount = 0
    /// Nothing is sent before this point of the monotonic clock, in seconds.
    private(set) var earliestTime = -Double.infinity
    /// Before this point of it the server wants to be left alone.
    private var obeyedTime = -Double.infinity

    init() {}

    /// One more failure. `delay` is what the server asked for, in seconds; `random`, from 0 to 1; no wait is longer than
    /// `longest` seconds.
    mutating func noteFailure(
        at now: Double, delay: Double? = nil, random: Double, longest: Double = longestLimit
    ) {
        let limit = min(
            longest, Self.shortestLimit * Double(UInt64(1) << UInt64(min(failureCount, 10))))
        failureCount = min(failureCount + 1, 1_000_000)
        if let delay { obeyedTime = max(obeyedTime, now + delay) }
        earliestTime = max(earliestTime, obeyedTime, now + limit * random)
    }

    /// Someone asks who was not there when it failed: the pause that was made of failures is over, and grows anew. What the
    /// server asked for stays, and so does that one at a time finds out.
    mutating func noteNewcomer() {
        failureCount = min(failureCount, 2)
        earliestTime = obeyedTime
    }

    /// An answer that could be used: nothing is waited for any more.
    mutating func noteSuccess() {
        self = RetryPolicy()
    }

    /// Seconds until something may be sent.
    func wait(at now: Double) -> Double {
        max(0, earliestTime - now)
    }

    /// Whether one at a time finds out if the server is well again.
    var isProbing: Bool { failureCount > 1 }
}
