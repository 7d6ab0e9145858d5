// Tests of the order of locks: circles are found, whoever takes part in them and whether or not anyone waits.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import Synchronization
import Testing

@Suite("The order of locks")
struct LockOrderTests {
    /// Locks of three places of the source.
    private final class Locks: Sendable {
        let first = SleepingMutex(0)
        let second = SleepingMutex(0)
        let third = Monitor(0)
    }

    /// Locks of one place.
    private final class Alike: Sendable {
        let lock = SleepingMutex(0)
    }

    @Test("a pair is new once, a way back is a circle, and a circle is not taken in")
    func graph() {
        var order = LockOrder()
        let sites = (0..<4).map { order.site(named: "\($0)") }
        #expect(order.site(named: "2") == sites[2])
        #expect(order.note(sites[1], after: sites[0]) == .new)
        #expect(order.note(sites[1], after: sites[0]) == .known)
        #expect(order.note(sites[2], after: sites[1]) == .new)
        #expect(order.note(sites[3], after: sites[1]) == .new)
        for _ in 0..<2 {
            #expect(order.note(sites[0], after: sites[2]) == .circle(["2", "0", "1", "2"]))
        }
        #expect(order.note(sites[2], after: sites[0]) == .new)
        #expect(order.note(sites[3], after: sites[3]) == .circle(["3", "3"]))
    }

    @Test("locks that are taken in a circle are found, though no two threads meet")
    func circle() {
        let locks = Locks()
        let inOrder = LockWatch.complaints {
            locks.first.withLock { _ in locks.second.withLock { _ in } }
            locks.second.withLock { _ in locks.third.withLock { _ in } }
        }
        #expect(inOrder == [])
        let found = Mutex<[String]>([])
        let other = try? WorkerThread {
            let complaints = LockWatch.complaints {
                locks.third.withLock { _ in locks.first.withLock { _ in } }
            }
            found.withLock { $0 = complaints }
        }
        other?.join()
        let complaints = found.withLock { $0 }
        #expect(complaints.count == 1)
        #expect(
            complaints.first?.hasPrefix("locks are taken in a circle: ByteSourcesTests/LockOrderTests.swift:")
                == true)
    }

    @Test("two locks of one place have no order, and one is not taken twice")
    func alike() {
        let (one, other) = (Alike(), Alike())
        let complaints = LockWatch.complaints { one.lock.withLock { _ in other.lock.withLock { _ in } } }
        #expect(complaints.count == 1)
        // Taken without waiting: that one holds up nobody.
        let tried = LockWatch.complaints {
            one.lock.withLock { _ in _ = other.lock.withLockIfAvailable { _ in } }
        }
        #expect(tried == [])
        // What is held in this way counts for what follows.
        let behind = LockWatch.complaints {
            let locks = Locks()
            locks.first.withLock { _ in _ = locks.second.withLockIfAvailable { _ in } }
            locks.third.withLock { _ in }
            _ = locks.second.withLockIfAvailable { _ in locks.second.withLockIfAvailable { _ in } }
        }
        #expect(behind == [])
    }

    @Test("nobody waits for a change, or for a thread's end, while another lock is held")
    func waiting() throws {
        let locks = Locks()
        let complaints = LockWatch.complaints {
            locks.third.withLock(waitingWhile: { _ in true }, until: MonotonicClock.now) { _ in }
        }
        #expect(complaints == [])
        let holding = LockWatch.complaints {
            locks.second.withLock { _ in
                locks.third.withLock(waitingWhile: { _ in true }, until: MonotonicClock.now) { _ in }
            }
        }
        #expect(holding.count == 1 && holding.first?.contains("is waited for with") == true)
        let thread = try WorkerThread {}
        let joining = LockWatch.complaints { locks.second.withLock { _ in thread.join() } }
        #expect(joining.first?.contains("is waited for with") == true)
    }

    @Test("a circle ends the program")
    func trap() async {
        await #expect(processExitsWith: .failure) {
            unsafe setenv("OVAFS_LOCK_CHECK", "1", 1)
            let locks = Locks()
            locks.first.withLock { _ in locks.second.withLock { _ in } }
            locks.second.withLock { _ in locks.first.withLock { _ in } }
        }
    }
}
