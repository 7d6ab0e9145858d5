// Tells the sanitizer of threads what the slow path of Swift's Mutex does, which is in a library that it does not see into.
// SPDX-License-Identifier: Apache-2.0
//
// The fast path is inlined, as atomic operations that are seen. Where a thread had to wait, or wakes one, the library locks and
// unlocks; without this, everything that a contended Mutex protects would be reported. Linked into the sanitized programs
// alone: the references of our objects find these functions first, which call the library's.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *self

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define TRY "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"

SWIFT void ovafs_lock_slow(uint32_t state, SELF) __asm__(LOCK);
SWIFT void ovafs_unlock_slow(SELF) __asm__(UNLOCK);
SWIFT _Bool ovafs_try_lock_slow(SELF) __asm__(TRY);

SWIFT void ovafs_lock_slow(uint32_t state, SELF) {
    ((SWIFT void (*)(uint32_t, SELF))dlsym(RTLD_NEXT, LOCK))(state, self);
    __tsan_acquire(self);
}

SWIFT void ovafs_unlock_slow(SELF) {
    __tsan_release(self);
    ((SWIFT void (*)(SELF))dlsym(RTLD_NEXT, UNLOCK))(self);
}

SWIFT _Bool ovafs_try_lock_slow(SELF) {
    _Bool isLocked = ((SWIFT _Bool (*)(SELF))dlsym(RTLD_NEXT, TRY))(self);
    if (isLocked) __tsan_acquire(self);
    return isLocked;
}
