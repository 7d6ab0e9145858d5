// The time for those who wait between requests.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc

/// The clock, and waiting. Tests have one of their own.
package struct ServiceClock: Sendable {
    /// Seconds of the monotonic clock.
    package let now: @Sendable () -> Double
    /// Seconds since 1970.
    package let date: @Sendable () -> Double
    /// Waits for so many seconds, or less where no one waits for the outcome any more.
    package let pause: @Sendable (_ seconds: Double) -> Void
    /// From 0 to 1.
    package let random: @Sendable () -> Double

    package init(
        now: @escaping @Sendable () -> Double, date: @escaping @Sendable () -> Double,
        pause: @escaping @Sendable (_ seconds: Double) -> Void, random: @escaping @Sendable () -> Double
    ) {
        self.now = now
        self.date = date
        self.pause = pause
        self.random = random
    }

    package static let system = ServiceClock(
        now: { MonotonicClock.now },
        date: {
            var time = timespec()
            unsafe clock_gettime(CLOCK_REALTIME, &time)
            return Double(time.tv_sec)
        },
        pause: { seconds in
            let end = MonotonicClock.now + seconds
            PatientRead.blocking {
                while true {
                    let left = end - MonotonicClock.now
                    guard left > 0, (try? PatientRead.checkCancellation()) != nil else { return }
                    usleep(UInt32(min(left, 0.1) * 1e6) + 1)
                }
            }
        },
        random: { Double.random(in: 0...1) })
}
