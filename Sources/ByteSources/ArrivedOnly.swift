// Reading what has arrived of sources whose bytes come in order, without waiting for the rest.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// For work that takes what has arrived, and gives up where it needs more: other than `Patience`, it waits for disks, and it
/// knows afterwards which bytes it lacked. It belongs to the thread, so that sources made of other sources need not hand it
/// on.
package enum ArrivedOnly {
    /// Bytes that had not arrived.
    package struct Missing: Sendable {
        private let source: any ByteSource
        private let end: UInt64

        /// Bytes of `source` up to `end`, which is above 0.
        package init(of source: any ByteSource, before end: UInt64) {
            self.source = source
            self.end = end
        }

        /// Returns when they are there: a read like any other, that waits for as long as the thread may.
        /// - Throws: what reading throws; `ReadError.wouldWait` where the thread may not wait.
        package func wait() throws(ReadError) {
            _ = try source.bytes(1, at: end - 1)
        }
    }

    package enum Outcome<Result> {
        case done(Result)
        /// The work was given up.
        case missing(Missing)
    }

    private final class Notes {
        var missing: Missing?
    }

    private static let key = {
        var key = pthread_key_t()
        let result = unsafe pthread_key_create(&key, nil)
        precondition(result == 0, "the C library has no more keys for threads")
        return key
    }()

    /// Calls `body`, for whose time reads of this thread take what has arrived, and throw `ReadError.wouldWait` for all else.
    package static func during<Result>(
        _ body: () throws(ReadError) -> Result
    ) throws(ReadError) -> Outcome<Result> {
        let notes = Notes()
        do throws(ReadError) {
            return .done(try with(notes, body))
        } catch {
            guard error.isWouldWait, let missing = notes.missing else { throw error }
            return .missing(missing)
        }
    }

    /// The same for work that knows what to do without the bytes.
    package static func looking<Result>(_ body: () -> Result) -> Result {
        with(Notes(), body)
    }

    /// Told by a source that is asked for bytes before `end` that have not arrived.
    /// - Returns: Whether the reader gets `ReadError.wouldWait`, whatever its patience.
    package static func note(_ source: any ByteSource, before end: UInt64) -> Bool {
        guard let context = unsafe pthread_getspecific(key) else { return false }
        // SAFETY: set by `with`, which keeps the object and puts back what was there.
        let notes = unsafe Unmanaged<Notes>.fromOpaque(context).takeUnretainedValue()
        notes.missing = Missing(of: source, before: end)
        return true
    }

    private static func with<Result, Failure: Error>(
        _ notes: Notes, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let previous = unsafe pthread_getspecific(key)
        // SAFETY: `notes` lives until the call returns.
        unsafe pthread_setspecific(key, Unmanaged.passUnretained(notes).toOpaque())
        defer {
            unsafe pthread_setspecific(key, previous)
            withExtendedLifetime(notes) {}
        }
        return try body()
    }
}
