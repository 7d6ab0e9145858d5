// A queue whose readers sleep while it is empty.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// A bounded first-in, first-out queue for plain threads.
// SAFETY: `elements` and `isClosed` change only between lock and unlock of `mutex`, whose memory and the
// condition's are allocated once and stay where they are.
@safe final class BlockingQueue<Element: Sendable>: @unchecked Sendable {
    private var elements: [Element] = []
    private var isClosed = false
    private let capacity: Int
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let isFilled = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(capacity: Int) {
        self.capacity = capacity
        elements.reserveCapacity(capacity)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(isFilled, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe pthread_cond_destroy(isFilled)
        unsafe mutex.deallocate()
        unsafe isFilled.deallocate()
    }

    /// Appends `element` and wakes a reader; false where the queue is full or closed.
    func push(_ element: Element) -> Bool {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        guard !isClosed, elements.count < capacity else { return false }
        elements.append(element)
        unsafe pthread_cond_signal(isFilled)
        return true
    }

    /// Takes the first element, waiting for one; nil once the queue is closed.
    func pop() -> Element? {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while elements.isEmpty, !isClosed { unsafe pthread_cond_wait(isFilled, mutex) }
        return isClosed ? nil : elements.removeFirst()
    }

    /// Drops what is queued and lets all readers go.
    func close() {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        isClosed = true
        elements.removeAll()
        unsafe pthread_cond_broadcast(isFilled)
    }
}
