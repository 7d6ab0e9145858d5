// Brings blocks of an object by requests for ranges.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// What the carriers of a source call.
final class RangeBringer: Sendable {
    private struct State {
        /// When the version was last asked for, in seconds of the monotonic clock.
        var lastCheck: Double
        /// That of the credentials with which it was asked for.
        var generation: Int
        var isChecking = false
    }

    /// How often the version is asked for while an object is read, in seconds.
    private static let checkInterval = 60.0

    private let requester: RangeRequester
    private let version: ObjectVersion
    private let access: RemoteAccess
    private let state: SleepingMutex<State>

    private let stored: StoredObject?

    /// `stored`: what is kept on disk of the object.
    init(
        _ requester: RangeRequester, version: ObjectVersion, stored: StoredObject? = nil,
        through access: RemoteAccess
    ) {
        self.requester = requester
        self.version = version
        self.stored = stored
        self.access = access
        state = SleepingMutex(
            State(lastCheck: MonotonicClock.now, generation: requester.object.credentials.generation))
    }

    /// Brings the blocks of `job`, as far as it gets.
    func bring(_ job: BlockJob) -> BringingOutcome {
        let deadline = Deadline(after: access.timeoutInSeconds)
        if let outcome = revalidateWhereDue(until: deadline) { return outcome }
        guard let stored else { return fetch(job, upTo: job.end, until: deadline) }
        // Blocks whose digests are wrong are as good as absent.
        var damaged: Set<UInt64> = []
        while true {
            takeStored(job, from: stored, &damaged)
            guard !job.isDone, !job.isUnwanted else { return .brought }
            guard
                let locked = stored.lockForFetching(
                    job.index..<job.assignment.blocks.upperBound, asIfAbsent: damaged)
            else {
                // Someone else has brought it.
                continue
            }
            defer { stored.unlock(locked) }
            let first = job.index
            let before = job.broughtByteCount
            let outcome = fetch(
                job, upTo: min(job.end, locked.upperBound * UInt64(BlockBuffer.byteCount)), until: deadline)
            let end = job.isDone ? job.assignment.blocks.upperBound : job.index
            keep(first..<max(first, end), of: job, in: stored, evenThose: damaged)
            guard outcome == .brought, job.broughtByteCount > before else { return outcome }
        }
    }

    /// Fills blocks from disk, up to one that is not there.
    private func takeStored(_ job: BlockJob, from stored: StoredObject, _ damaged: inout Set<UInt64>) {
        job.skipForeign()
        while !job.isDone, !damaged.contains(job.index), stored.has(job.index) {
            let index = job.index
            if unsafe !job.fillBlock({ unsafe stored.read(index, into: $0) }) { damaged.insert(index) }
            job.skipForeign()
        }
    }

    private func fetch(_ job: BlockJob, upTo end: UInt64, until deadline: Deadline) -> BringingOutcome {
        job.skipForeign()
        guard job.position < end else { return .brought }
        let outcome = requester.request(
            .range(job.position..<end), known: version, isFirst: false, until: deadline,
            into: JobConsumer(job), renewed: { revalidate(until: deadline) })
        switch outcome {
        case .bytes: return .brought
        case .withoutRanges:
            return .failed("the server no longer answers with ranges", delay: nil, isCrowded: false)
        case .stale(let reason): return .stale(reason)
        case .refused(let reason): return .refused(reason)
        case .failed(let reason, let delay, let isCrowded):
            return .failed(reason, delay: delay, isCrowded: isCrowded)
        case .unreachable(let reason): return .failed(reason, delay: nil, isCrowded: true)
        case .stopped: return .stopped
        }
    }

    /// Writes blocks that came to disk.
    private func keep(
        _ indices: Range<UInt64>, of job: BlockJob, in stored: StoredObject, evenThose damaged: Set<UInt64>
    ) {
        for index in indices {
            let key = BlockTable.Key(object: job.assignment.object, index: index)
            let (buffer, byteCount) = access.cache.table.withLock {
                ($0.pin(key, isRead: false), $0.byteCount(of: key))
            }
            guard let buffer else { continue }
            if damaged.contains(index) || !stored.has(index) {
                unsafe buffer.withBytes(byteCount) { unsafe stored.write(index, $0) }
            }
            access.cache.table.withLock { $0.unpin(key, buffer) }
        }
    }

    /// Nil where all is well.
    private func revalidateWhereDue(until deadline: Deadline) -> BringingOutcome? {
        guard requester.object.revalidate != nil else { return nil }
        let generation = requester.object.credentials.generation
        let isDue = state.withLock { state in
            let isOld = MonotonicClock.now - state.lastCheck >= Self.checkInterval
            guard !state.isChecking, isOld || generation != state.generation else { return false }
            state.isChecking = true
            return true
        }
        guard isDue else { return nil }
        defer { state.withLock { $0.isChecking = false } }
        return revalidate(until: deadline)
    }

    private func revalidate(until deadline: Deadline) -> BringingOutcome? {
        guard let revalidate = requester.object.revalidate else { return nil }
        // A token that is renewed while the service answers is another one.
        let generation = requester.object.credentials.generation
        do throws(TransportError) {
            guard let now = try revalidate(deadline) else { return .stale("it is there no more") }
            guard now == version else { return .stale("the server says that it is another version") }
            state.withLock { state in
                state.lastCheck = MonotonicClock.now
                state.generation = generation
            }
            return nil
        } catch {
            return error.kind == .stopped
                ? .stopped : .failed(error.reason, delay: nil, isCrowded: false)
        }
    }
}

/// Puts what comes into the blocks of a job.
private final class JobConsumer: RangeConsumer {
    private let job: BlockJob

    init(_ job: BlockJob) {
        self.job = job
    }

    func begin(_ range: Range<UInt64>, _ version: ObjectVersion) {}

    func append(_ bytes: RawSpan) -> Bool {
        job.append(bytes)
        return true
    }

    var isUnwanted: Bool { job.isUnwanted }
}
