// Tests of the search through all orders of threads: it goes through all of them, and finds what is wrong in one.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization
import TestSupport
import Testing

@Suite("All orders of threads")
struct InterleavingsTests {
    private final class Shared: Sendable {
        let count = Atomic<Int>(0)
        let first = SleepingMutex(0)
        let second = SleepingMutex(0)
        let flag = Monitor(false)
        let order = Mutex<[Int]>([])
    }

    @Test("each order comes once", arguments: [(2, 3, 20), (3, 2, 90), (2, 5, 252)])
    func all(threads: Int, steps: Int, count: Int) {
        var seen: Set<[Int]> = []
        let outcome = Interleavings.explore {
            let shared = Shared()
            return Interleavings.Scenario(
                (0..<threads).map { number in
                    {
                        for step in 0..<steps {
                            if step > 0 { Interleavings.turn() }
                            shared.order.withLock { $0.append(number) }
                        }
                    }
                },
                problems: {
                    seen.insert(shared.order.withLock { $0 })
                    return []
                })
        }
        #expect(outcome.isComplete && outcome.failure == nil)
        #expect(outcome.count == count && seen.count == count)
    }

    @Test("fewer interruptions are fewer orders, and none is one after the other")
    func preemptions() {
        let make = { (shared: Shared) in
            Interleavings.Scenario(
                (0..<2).map { _ in { for _ in 0..<5 { shared.first.withLock { $0 += 1 } } } },
                problems: { shared.first.withLock { $0 } == 10 ? [] : ["an addition is lost"] })
        }
        let counts = [0, 1, 2, .max].map { limit in
            Interleavings.explore(preemptions: limit) { make(Shared()) }.count
        }
        #expect(counts[0] == 2 && counts[0] < counts[1] && counts[1] < counts[2] && counts[2] < counts[3])
    }

    @Test("a change that is lost between reading and writing is found")
    func lostUpdate() {
        let outcome = Interleavings.explore {
            let shared = Shared()
            return Interleavings.Scenario(
                (0..<2).map { _ in
                    {
                        let value = shared.first.withLock { $0 }
                        shared.first.withLock { $0 = value + 1 }
                    }
                },
                problems: { shared.first.withLock { $0 } == 2 ? [] : ["lost"] })
        }
        #expect(outcome.failure?.hasPrefix("lost\nthread ") == true)
    }

    @Test("two threads that wait for each other are found")
    func deadlock() {
        let outcome = Interleavings.explore {
            let shared = Shared()
            let swapped = { @Sendable in
                // Not for the check of the order, which finds it in any run.
                _ = LockWatch.complaints { shared.second.withLock { _ in shared.first.withLock { _ in } } }
            }
            let straight = { @Sendable in
                _ = LockWatch.complaints { shared.first.withLock { _ in shared.second.withLock { _ in } } }
            }
            return Interleavings.Scenario([straight, swapped], problems: { [] })
        }
        #expect(outcome.failure?.hasPrefix("no thread can go on: ") == true)
    }

    @Test("a waiter that nobody wakes is found, and one that is woken ends", arguments: [false, true])
    func waking(isWoken: Bool) {
        let outcome = Interleavings.explore {
            let shared = Shared()
            return Interleavings.Scenario(
                [
                    { shared.flag.withLock(waitingWhile: { !$0 }) { _ in } },
                    {
                        shared.flag.withLock { $0 = true }
                        if isWoken { shared.flag.wake() }
                    },
                ],
                problems: { [] })
        }
        #expect((outcome.failure == nil) == isWoken && outcome.isComplete == isWoken)
    }

    @Test("time passes where nobody can go on, and threads that are started take part")
    func time() {
        let start = MonotonicClock.now
        let outcome = Interleavings.explore {
            let shared = Shared()
            return Interleavings.Scenario(
                [
                    {
                        let begin = MonotonicClock.now
                        let other = try? WorkerThread {
                            MonotonicClock.sleep(until: begin + 3_600)
                            shared.flag.withLock { $0 = true }
                            shared.flag.wake()
                        }
                        shared.flag.withLock(waitingWhile: { !$0 }, until: begin + 600) { isSet in
                            _ = shared.count.add(isSet ? 100 : 1, ordering: .relaxed)
                        }
                        other?.join()
                        if MonotonicClock.now == begin + 3_600 { shared.count.add(10, ordering: .relaxed) }
                    }
                ],
                problems: {
                    shared.count.load(ordering: .relaxed) == 11
                        ? [] : ["the clock or a thread is not directed"]
                })
        }
        #expect(outcome.failure == nil && outcome.isComplete)
        #expect(MonotonicClock.now - start < 600)
    }
}
