// A read that may wait: it can be called off, and it holds a decoder's place while it decodes, and only then.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// What a thread does for someone who may stop waiting for it. Sources find it by their thread.
package final class PatientRead: Sendable {
    private let cancelled = Atomic<Bool>(false)
    private let places: DecoderPlaces
    /// When it was asked for, in seconds of the monotonic clock.
    private let startTime = MonotonicClock.now
    /// When long work for it ends, in seconds of the monotonic clock.
    private let deadline: Double
    /// Changed by the thread that reads, and by no other.
    private let hasPlace = Atomic<Bool>(false)

    private static let key = {
        var key = pthread_key_t()
        let result = unsafe pthread_key_create(&key, nil)
        precondition(result == 0, "the C library has no more keys for threads")
        return key
    }()

    /// A read that decodes in one of `places`, and for which nothing is done any more after `deadline` (seconds of the
    /// monotonic clock).
    package init(decodingIn places: DecoderPlaces, until deadline: Double = .infinity) {
        self.places = places
        self.deadline = deadline
    }

    /// From now on, long work for this read ends at its next step.
    package func cancel() {
        cancelled.store(true, ordering: .relaxed)
    }

    /// Calls `body`, whose reads are done for this one.
    package func perform(_ body: () -> Void) {
        let previous = unsafe pthread_getspecific(Self.key)
        // SAFETY: `self` lives until the call returns.
        unsafe pthread_setspecific(Self.key, Unmanaged.passUnretained(self).toOpaque())
        defer { unsafe pthread_setspecific(Self.key, previous) }
        withExtendedLifetime(self, body)
    }

    /// For loops whose length a file decides.
    /// - Throws: `ReadError.interrupted` where no one waits for the outcome any more.
    package static func checkCancellation() throws(ReadError) {
        guard let current else { return }
        guard !current.cancelled.load(ordering: .relaxed) else { throw .interrupted }
        guard current.deadline < .infinity, MonotonicClock.now >= current.deadline else { return }
        throw .interrupted
    }

    /// Whether this thread reads for someone who may stop waiting.
    package static var hasCurrent: Bool { current != nil }

    /// When what this thread reads for was asked for, in seconds of the monotonic clock: how long a source may take
    /// counts from there, however many reads are made for it.
    package static var currentStartTime: Double {
        current?.startTime ?? MonotonicClock.now
    }

    /// Calls `body`, which needs a processor, when there is a place for it. Inside of itself it needs no second one.
    package static func decoding<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let current, !current.hasPlace.load(ordering: .relaxed) else { return try body() }
        current.takePlace()
        defer { current.leavePlace() }
        return try body()
    }

    /// Calls `body`, which may take as long as a disk, a server or another thread likes. Others decode meanwhile.
    package static func blocking<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let current, current.hasPlace.load(ordering: .relaxed) else { return try body() }
        current.leavePlace()
        defer { current.takePlace() }
        return try body()
    }

    private func takePlace() {
        places.take()
        hasPlace.store(true, ordering: .relaxed)
    }

    private func leavePlace() {
        hasPlace.store(false, ordering: .relaxed)
        places.giveBack()
    }

    private static var current: PatientRead? {
        guard let context = unsafe pthread_getspecific(key) else { return nil }
        // SAFETY: set by `perform`, which keeps the object and puts back what was there.
        return unsafe Unmanaged<PatientRead>.fromOpaque(context).takeUnretainedValue()
    }
}
