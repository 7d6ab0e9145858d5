// A lock whose waiters sleep at once, and what it protects.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// For locks that are held while something is decoded or written, and for those that every read takes. `Mutex` spins
/// for some 50 µs before it sleeps, and hands itself over by way of the kernel's scheduler:
/// docs/decisions/0003-sleeping-mutex.md. Debug builds check the order in which locks are taken (`LockWatch`).
// SAFETY: mutex and value are allocated once and stay where they are; the value is used under the lock only.
@safe package struct SleepingMutex<Value>: ~Copyable, @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let value = UnsafeMutablePointer<Value>.allocate(capacity: 1)

    #if DEBUG
        private let site: LockSite

        package init(_ initial: sending Value, file: StaticString = #fileID, line: UInt = #line) {
            site = LockWatch.site(file, line)
            unsafe pthread_mutex_init(mutex, nil)
            unsafe value.initialize(to: initial)
        }
    #else
        package init(_ initial: sending Value) {
            unsafe pthread_mutex_init(mutex, nil)
            unsafe value.initialize(to: initial)
        }
    #endif

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe value.deinitialize(count: 1)
        unsafe value.deallocate()
        unsafe mutex.deallocate()
    }

    /// Runs `body` while no one else holds the lock.
    package borrowing func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        #if DEBUG
            let isDirected = unsafe LockWatch.take(site, at: UInt(bitPattern: mutex))
            _ = unsafe isDirected ? pthread_mutex_trylock(mutex) : pthread_mutex_lock(mutex)
        #else
            unsafe pthread_mutex_lock(mutex)
        #endif
        defer { unlock() }
        return unsafe try body(&value.pointee)
    }

    /// Runs `body` unless someone else holds the lock; nil where that is so.
    package borrowing func withLockIfAvailable<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        #if DEBUG
            LockWatch.director?.turn()
        #endif
        guard unsafe pthread_mutex_trylock(mutex) == 0 else { return nil }
        #if DEBUG
            unsafe LockWatch.noteTaken(site, at: UInt(bitPattern: mutex))
        #endif
        defer { unlock() }
        return unsafe try body(&value.pointee)
    }

    @inline(__always)
    private borrowing func unlock() {
        unsafe pthread_mutex_unlock(mutex)
        #if DEBUG
            unsafe LockWatch.leave(at: UInt(bitPattern: mutex))
        #endif
    }
}
