// Tests of the lock whose waiters sleep.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import Synchronization
import Testing

@Suite("A lock whose waiters sleep")
struct SleepingMutexTests {
    private final class Counter: Sendable {
        let value = SleepingMutex(0)
    }

    @Test("one thread at a time is inside")
    func exclusion() {
        let counter = Counter()
        WorkerThread.concurrently(8) { _ in
            for _ in 0..<5_000 {
                counter.value.withLock { value in
                    let before = value
                    if before % 500 == 0 { sched_yield() }
                    value = before + 1
                }
            }
        }
        #expect(counter.value.withLock { $0 } == 40_000)
    }

    @Test("who does not want to wait does not, and errors let the lock go")
    func ifAvailable() throws {
        struct Failure: Error {}
        let counter = Counter()
        let answer = Atomic<Int>(0)
        let other = try counter.value.withLock { _ in
            let other = try WorkerThread {
                let wasFree = counter.value.withLockIfAvailable { _ in } != nil
                answer.store(wasFree ? 1 : 2, ordering: .sequentiallyConsistent)
            }
            // Not by joining it: no thread is waited for with a lock held.
            while answer.load(ordering: .sequentiallyConsistent) == 0 { sched_yield() }
            return other
        }
        other.join()
        #expect(answer.load(ordering: .sequentiallyConsistent) == 2)
        #expect(throws: Failure.self) { try counter.value.withLock { _ throws(Failure) in throw Failure() } }
        #expect(throws: Failure.self) {
            try counter.value.withLockIfAvailable { _ throws(Failure) in throw Failure() }
        }
        #expect(counter.value.withLockIfAvailable { $0 } == 0)
    }
}
