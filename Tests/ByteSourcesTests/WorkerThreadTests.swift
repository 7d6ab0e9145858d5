// Tests of plain threads: they take no signals, and run side by side.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import Synchronization
import Testing

@Suite("Plain threads")
struct WorkerThreadTests {
    @Test("a thread takes no signals, and its maker's mask stays as it was")
    func signals() throws {
        let blocked = Mutex<[CInt: Bool]>([:])
        var before = sigset_t()
        unsafe pthread_sigmask(SIG_SETMASK, nil, &before)
        let thread = try WorkerThread {
            var mask = sigset_t()
            unsafe pthread_sigmask(SIG_SETMASK, nil, &mask)
            for signal in [SIGINT, SIGTERM, SIGHUP, SIGCHLD] {
                let isMember = unsafe sigismember(&mask, signal) == 1
                blocked.withLock { $0[signal] = isMember }
            }
        }
        thread.join()
        #expect(blocked.withLock { $0 } == [SIGINT: true, SIGTERM: true, SIGHUP: true, SIGCHLD: true])
        var after = sigset_t()
        unsafe pthread_sigmask(SIG_SETMASK, nil, &after)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGCHLD] {
            let wasBlocked = unsafe sigismember(&before, signal)
            let isBlocked = unsafe sigismember(&after, signal)
            #expect(isBlocked == wasBlocked)
        }
    }

    @Test("work runs on all threads at once, each with its own number", arguments: [1, 2, 5])
    func concurrently(count: Int) {
        let numbers = Mutex<Set<Int>>([])
        let arrived = Atomic<Int>(0)
        WorkerThread.concurrently(count) { number in
            numbers.withLock { _ = $0.insert(number) }
            arrived.add(1, ordering: .sequentiallyConsistent)
            // None goes on before all are here: they are there at the same time.
            while arrived.load(ordering: .sequentiallyConsistent) < count { usleep(100) }
        }
        #expect(numbers.withLock { $0 } == Set(0..<count))
    }

    @Test("no threads at all still do the work", arguments: [0, -3])
    func fewest(count: Int) {
        let runs = Atomic<Int>(0)
        WorkerThread.concurrently(count) { _ in runs.add(1, ordering: .relaxed) }
        #expect(runs.load(ordering: .relaxed) == 1)
    }
}
