// Tests of the lock of what is being loaded: who waits for whom.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization
import TestSupport
import Testing

@testable import DiskImages

@Suite("The lock of what is being loaded")
struct LoadingLockTests {
    /// A lock that threads share.
    private final class Shared: Sendable {
        let lock = LoadingLock()
    }

    @Test("who may not wait does not wait for a holder that may, and who may does")
    func holderWaits() throws {
        let shared = Shared()
        try shared.lock.acquire()
        #expect(throws: ReadError.wouldWait) {
            try Patience.decodes.during { () throws(ReadError) in try shared.lock.acquire() }
        }
        let isFree = shared.lock.acquireIfFree()
        #expect(!isFree)
        let hasLock = Atomic<Bool>(false)
        let waiter = try WorkerThread {
            guard (try? shared.lock.acquire()) != nil else { return }
            hasLock.store(true, ordering: .sequentiallyConsistent)
            shared.lock.release()
        }
        shared.lock.release()
        waiter.join()
        let waiterHadLock = hasLock.load(ordering: .sequentiallyConsistent)
        #expect(waiterHadLock)
    }

    @Test("who may not wait waits for a holder that may not either, and stops when one that may takes over")
    func holderDecodes() throws {
        let shared = Shared()
        try Patience.decodes.during { () throws(ReadError) in try shared.lock.acquire() }
        let outcome = Mutex<ReadError?>(nil)
        let waiter = try WorkerThread {
            Patience.decodes.during {
                do throws(ReadError) {
                    try shared.lock.acquire()
                    shared.lock.release()
                } catch {
                    outcome.withLock { $0 = error }
                }
            }
        }
        shared.lock.release()
        waiter.join()
        #expect(outcome.withLock { $0 } == nil)

        // Whatever the order, neither of both is left waiting.
        for _ in 0..<200 {
            try Patience.decodes.during { () throws(ReadError) in try shared.lock.acquire() }
            let gate = Gate()
            let impatient = try WorkerThread {
                Patience.decodes.during { if (try? shared.lock.acquire()) != nil { shared.lock.release() } }
            }
            let patient = try WorkerThread {
                guard (try? shared.lock.acquire()) != nil else { return }
                gate.wait()
                shared.lock.release()
            }
            shared.lock.release()
            impatient.join()
            gate.open()
            patient.join()
        }
    }

    @Test("a number is counted once for all, and again where counting had to wait")
    func countedOnce() throws {
        let counted = CountedOnce()
        let calls = Atomic<Int>(0)
        #expect(throws: ReadError.wouldWait) {
            try Patience.decodes.during { () throws(ReadError) in
                try counted.value { () throws(ReadError) in
                    guard Patience.current == .waits else { throw .wouldWait }
                    return Allocation(byteCount: 1, isEstimate: false)
                }
            }
        }
        WorkerThread.concurrently(4) { _ in
            let value = try? counted.value { () throws(ReadError) in
                guard Patience.current == .waits else { throw .wouldWait }
                calls.add(1, ordering: .relaxed)
                return Allocation(byteCount: 42, isEstimate: false)
            }
            #expect(value?.byteCount == 42)
        }
        let callCount = calls.load(ordering: .relaxed)
        #expect(callCount == 1)
    }
}
