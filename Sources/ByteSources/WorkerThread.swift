// Plain threads for work that blocks: decoding ahead, hashing, copying.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// A thread of the system. It takes no signals, so that the main thread gets those that end a mount. One that nobody waits
/// for ends by itself.
package final class WorkerThread: Sendable {
    private let thread: pthread_t
    private let ending: Ending
    /// Whether someone has waited for it, so that the system has given back what it keeps of a thread.
    private let isGivenBack = Atomic<Bool>(false)

    /// Starts a thread that runs `body` and ends.
    /// - Throws: `ReadError.system` where the system has no thread to give.
    package init(_ body: @escaping @Sendable () -> Void) throws(ReadError) {
        let ending = Ending()
        self.ending = ending
        let context = unsafe Unmanaged.passRetained(
            Body(
                Self.directed {
                    body()
                    ending.note()
                }))
        var all = sigset_t()
        var previous = sigset_t()
        unsafe sigfillset(&all)
        // A thread inherits the mask that is in force when it is made.
        unsafe pthread_sigmask(SIG_SETMASK, &all, &previous)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &previous, nil) }
        var thread = pthread_t()
        // SAFETY: the retained body is taken over by the thread, or released here where there is none.
        let result = unsafe pthread_create(&thread, nil, runBody, context.toOpaque())
        guard result == 0 else {
            unsafe context.release()
            throw .system(call: "pthread_create", errno: result)
        }
        self.thread = thread
    }

    deinit {
        if !isGivenBack.load(ordering: .relaxed) { pthread_detach(thread) }
    }

    /// Where a test decides when threads run, it decides for those that they start as well.
    private static func directed(_ body: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
        #if DEBUG
            if let director = LockWatch.director {
                let number = director.add()
                return { LockWatch.perform(number, of: director, body) }
            }
        #endif
        return body
    }

    /// Waits until the thread has ended; called once.
    package func join() {
        #if DEBUG
            LockWatch.checkWaiting(at: 0)
            if LockWatch.director != nil { _ = ending.wait(until: .infinity) }
        #endif
        isGivenBack.store(true, ordering: .relaxed)
        pthread_join(thread, nil)
    }

    /// Waits until the thread has ended, at most until `deadline` (seconds of the monotonic clock); called once. A
    /// thread that is still at work then ends by itself, or with the process.
    /// - Returns: Whether it has ended.
    @discardableResult
    package func join(until deadline: Double) -> Bool {
        isGivenBack.store(true, ordering: .relaxed)
        guard ending.wait(until: deadline) else {
            pthread_detach(thread)
            return false
        }
        pthread_join(thread, nil)
        return true
    }

    /// Runs `body` on `count` threads at once, numbered from 0, and returns when all have ended. Where the
    /// system has fewer threads to give, those that there are do the work; the caller's is always one of them.
    package static func concurrently(_ count: Int, _ body: @escaping @Sendable (_ worker: Int) -> Void) {
        var others: [WorkerThread] = []
        for worker in 1..<max(1, count) {
            guard let thread = try? WorkerThread({ body(worker) }) else { break }
            others.append(thread)
        }
        body(0)
        for thread in others { thread.join() }
    }
}

/// Whether a thread has done its work.
private final class Ending: Sendable {
    private let hasEnded = Monitor(false)

    func note() {
        hasEnded.withLock { $0 = true }
        hasEnded.wake()
    }

    func wait(until deadline: Double) -> Bool {
        hasEnded.withLock(waitingWhile: { !$0 }, until: deadline) { $0 }
    }
}

private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

private func runBody(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    // SAFETY: balances the retain that made the context.
    unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
    return nil
}
