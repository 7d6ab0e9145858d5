// A lock whose waiters sleep at once.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A lock that is held while a cluster is decoded. `Mutex` spins for some 50 µs before it sleeps, which is
/// right for short work and burns the cores that decoding needs: docs/decisions/0003-sleeping-lock.md.
// SAFETY: the mutex is allocated once and stays where it is.
@safe package struct SleepingLock: ~Copyable, @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    package init() {
        unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Runs `body` while no one else holds the lock.
    package borrowing func withLock<Result, Failure: Error>(_ body: () throws(Failure) -> Result)
        throws(Failure)
        -> Result
    {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Runs `body` unless someone else holds the lock; nil where that is so.
    package borrowing func withLockIfAvailable<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        guard unsafe pthread_mutex_trylock(mutex) == 0 else { return nil }
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body()
    }
}
