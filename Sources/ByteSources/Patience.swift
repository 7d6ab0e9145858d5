// How long the thread that reads may take: known to every source without passing through each call.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What a thread may do for the reads that it makes. It belongs to the thread, so that sources made of other sources
/// need not hand it on: docs/decisions/0040-reads-that-wait.md.
package enum Patience: UInt, Sendable {
    /// Waits for files, devices and other threads, and decodes whatever there is: every thread that says nothing else.
    case waits
    /// Takes what the kernel has in memory and decodes a little of it; throws `ReadError.wouldWait` for all else.
    case decodes
    /// Takes what is in memory as it is wanted; throws `ReadError.wouldWait` for all else.
    case usesCacheOnly

    private static let key = {
        var key = pthread_key_t()
        let result = unsafe pthread_key_create(&key, nil)
        precondition(result == 0, "the C library has no more keys for threads")
        return key
    }()

    /// That of this thread.
    package static var current: Patience {
        // SAFETY: the key holds a small number, which is never used as an address.
        Patience(rawValue: UInt(bitPattern: unsafe pthread_getspecific(key))) ?? .waits
    }

    /// Calls `body`, for whose time this thread has this patience.
    package func during<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let previous = unsafe pthread_getspecific(Self.key)
        unsafe pthread_setspecific(Self.key, UnsafeRawPointer(bitPattern: rawValue))
        defer { unsafe pthread_setspecific(Self.key, previous) }
        return try body()
    }

    /// Calls `body` as a thread would that may not wait and, where that is not enough, as this one may. So whoever meets
    /// a thread at work knows whether it is a processor that has to be waited for, or a disk.
    package static func asLittleAsPossible<Result>(
        _ body: () throws(ReadError) -> Result
    ) throws(ReadError) -> Result {
        guard current == .waits else { return try body() }
        do throws(ReadError) {
            // Before anyone can wait for what this thread does.
            return try PatientRead.decoding { () throws(ReadError) in try decodes.during(body) }
        } catch {
            guard error.isWouldWait else { throw error }
            return try body()
        }
    }
}

/// Finds out a number of bytes, which may take long.
package typealias ByteCounting = @Sendable () throws(ReadError) -> UInt64

extension ReadError {
    /// This thread may not wait, and the bytes are not at hand; a thread that may wait is to ask again.
    package static let wouldWait = ReadError.system(call: "read", errno: EAGAIN)
    /// No one waits for the bytes any more.
    package static let interrupted = ReadError.system(call: "read", errno: EINTR)

    package var isWouldWait: Bool {
        if case .system(_, EAGAIN) = self { true } else { false }
    }
}
