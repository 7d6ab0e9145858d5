// Threads that wait for work end when there are more than is needed.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization
import TestSupport
import Testing

@testable import FuseServer

@Suite("Idle threads")
struct IdleWorkersTests {
    @Test("those that a whole period went by without are told to end, and no others")
    func surplus() {
        var idle = IdleWorkers(period: 30)
        // Ten threads have something to do, then nothing.
        let first = (0..<10).map { _ in idle.add(now: 0, mayEnd: true) }
        #expect(!first.contains(false))
        // Of the first period's beginning it is not known how many were needed.
        idle.remove()
        let again = idle.add(now: 30, mayEnd: true)
        #expect(again)
        // Three at once are needed now and then.
        for second in stride(from: 31.0, to: 60, by: 1) {
            for _ in 0..<3 { idle.remove() }
            let back = (0..<3).map { _ in idle.add(now: second, mayEnd: true) }
            #expect(!back.contains(false))
        }
        #expect(idle.count == 10)
        // Seven had nothing to do in all of it; those that come back go until three are left.
        for (ended, left) in [(3, 7), (3, 4), (1, 3), (0, 3)] {
            for _ in 0..<3 { idle.remove() }
            let told = (0..<3).filter { _ in !idle.add(now: 60, mayEnd: true) }
            #expect(told.count == ended)
            #expect(idle.count == left)
        }
    }

    @Test("one that may not end waits on")
    func only() {
        var idle = IdleWorkers(period: 1)
        for second in 0..<10 {
            let waits = idle.add(now: Double(second), mayEnd: false)
            #expect(waits)
            idle.remove()
        }
    }

    @Test("after a burst one thread is left, which serves what comes then")
    func burst() throws {
        let burstCount = 12
        let waiting = WaitingReads(decoderCount: 2, statistics: ServerStatistics(), idleSeconds: 0.05)
        let gate = Gate()
        let served = Monitor(0)
        try waiting.begin { _, _ in
            served.withLock { $0 += 1 }
            served.wake()
            gate.wait()
        }
        defer {
            gate.open()
            waiting.end()
            waiting.join(until: MonotonicClock.now + 30)
        }
        func wait(for count: Int) -> Bool {
            served.withLock(waitingWhile: { $0 < count }, until: MonotonicClock.now + 30) { $0 >= count }
        }
        for number in 0..<burstCount { waiting.add(.work(.open(UInt64(number)))) }
        #expect(wait(for: burstCount))
        #expect(waiting.threadCount >= burstCount)
        gate.open()
        let end = MonotonicClock.now + 30
        while waiting.threadCount > 1, MonotonicClock.now < end {
            MonotonicClock.sleep(until: MonotonicClock.now + 0.02)
        }
        #expect(waiting.threadCount == 1)
        for number in 0..<burstCount { waiting.add(.work(.open(UInt64(number)))) }
        #expect(wait(for: 2 * burstCount))
    }
}
