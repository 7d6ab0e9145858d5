// Whose turn it is to write.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Lets threads that hold stretches of a disk go on one by one, in the order of the disk.
// SAFETY: `next` and `isCancelled` change only between lock and unlock of `mutex`, whose memory and the condition's
// are allocated once and stay where they are.
@safe final class WriteOrder: @unchecked Sendable {
    private var next: UInt64 = 0
    private var isCancelled = false
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let hasChanged = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(hasChanged, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe pthread_cond_destroy(hasChanged)
        unsafe mutex.deallocate()
        unsafe hasChanged.deallocate()
    }

    /// The bytes that were written so far.
    var position: UInt64 {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return next
    }

    /// Waits until all before `offset` was written; false where that will not be.
    func wait(for offset: UInt64) -> Bool {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while next != offset, !isCancelled { unsafe pthread_cond_wait(hasChanged, mutex) }
        return !isCancelled
    }

    /// Takes note that `byteCount` more bytes were written.
    func advance(by byteCount: UInt64) {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        next += byteCount
        unsafe pthread_cond_broadcast(hasChanged)
    }

    /// Lets all who wait go.
    func cancel() {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        isCancelled = true
        unsafe pthread_cond_broadcast(hasChanged)
    }
}
