// A lock whose holders can wait for a change of what it protects.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A value behind a POSIX mutex, with a condition. Debug builds check the order in which locks are taken (`LockWatch`).
// SAFETY: the memory is allocated once and stays where it is; the value is used under the lock only.
@safe package struct Monitor<Value>: ~Copyable, @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let value = UnsafeMutablePointer<Value>.allocate(capacity: 1)

    #if DEBUG
        private let site: LockSite

        package init(_ initial: sending Value, file: StaticString = #fileID, line: UInt = #line) {
            site = LockWatch.site(file, line)
            unsafe value.initialize(to: initial)
            initialize()
        }
    #else
        package init(_ initial: sending Value) {
            unsafe value.initialize(to: initial)
            initialize()
        }
    #endif

    private borrowing func initialize() {
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe value.deinitialize(count: 1)
        unsafe value.deallocate()
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Runs `body` while no one else holds the lock.
    package borrowing func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock()
        defer { unlock() }
        return unsafe try body(&value.pointee)
    }

    /// Sleeps while `isToWait` says so, at most until `deadline` (seconds of the monotonic clock), then runs `body`;
    /// both under the lock, which is free in between.
    package borrowing func withLock<Result, Failure: Error>(
        waitingWhile isToWait: (inout Value) throws(Failure) -> Bool, until deadline: Double = .infinity,
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock()
        defer { unlock() }
        while unsafe try isToWait(&value.pointee) {
            #if DEBUG
                unsafe LockWatch.checkWaiting(at: UInt(bitPattern: mutex))
                if let director = LockWatch.director {
                    unsafe pthread_mutex_unlock(mutex)
                    let isWoken = unsafe director.wait(for: UInt(bitPattern: mutex), until: deadline)
                    unsafe pthread_mutex_trylock(mutex)
                    guard isWoken else { break }
                    continue
                }
            #endif
            guard deadline < .infinity else {
                unsafe pthread_cond_wait(condition, mutex)
                continue
            }
            var time = MonotonicClock.timespec(of: deadline)
            guard unsafe pthread_cond_timedwait(condition, mutex, &time) != ETIMEDOUT else { break }
        }
        return unsafe try body(&value.pointee)
    }

    /// Wakes one of those who wait, or all.
    package borrowing func wake(all: Bool = true) {
        #if DEBUG
            unsafe LockWatch.director?.wake(UInt(bitPattern: mutex), all: all)
        #endif
        if all {
            unsafe pthread_cond_broadcast(condition)
        } else {
            unsafe pthread_cond_signal(condition)
        }
    }

    @inline(__always)
    private borrowing func lock() {
        #if DEBUG
            let isDirected = unsafe LockWatch.take(site, at: UInt(bitPattern: mutex))
            _ = unsafe isDirected ? pthread_mutex_trylock(mutex) : pthread_mutex_lock(mutex)
        #else
            unsafe pthread_mutex_lock(mutex)
        #endif
    }

    @inline(__always)
    private borrowing func unlock() {
        unsafe pthread_mutex_unlock(mutex)
        #if DEBUG
            unsafe LockWatch.leave(at: UInt(bitPattern: mutex))
        #endif
    }
}

/// The monotonic clock, in seconds.
package enum MonotonicClock {
    package static var now: Double {
        #if DEBUG
            if let director = LockWatch.director { return director.now }
        #endif
        var time = Glibc.timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Returns at `time`, not before.
    package static func sleep(until time: Double) {
        #if DEBUG
            if let director = LockWatch.director {
                _ = director.wait(for: nil, until: time)
                return
            }
        #endif
        var time = timespec(of: time)
        while unsafe clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
    }

    /// `time` as the system takes it; a time beyond all others where it is infinite.
    fileprivate static func timespec(of time: Double) -> Glibc.timespec {
        let time = min(max(0, time), 1e12)
        let seconds = time.rounded(.down)
        return Glibc.timespec(tv_sec: Int(seconds), tv_nsec: Int((time - seconds) * 1e9))
    }
}
