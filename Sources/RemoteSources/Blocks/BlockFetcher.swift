// The threads that bring the blocks of one object, and when they try again.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Carriers: threads that take what is wanted from the table, bring it, and end when nothing was wanted for a while. After
/// failures one of them finds out for all when the server is well again.
final class BlockFetcher: Sendable {
    /// Brings the blocks of a job, as many as it can; called by one thread for each job.
    typealias Bringing = @Sendable (BlockJob) -> BringingOutcome

    private struct State {
        var carrierCount = 0
        var restingCount = 0
        /// Changes whenever there may be something to do.
        var generation: UInt64 = 0
        var jobCount = 0
        var aheadJobCount = 0
        var connectionLimit = BlockFetcher.mostConnections
        var successCount = 0
        var readerCount = 0
        var retry: RetryPolicy
        var lastFailure: String?
        var staleness: String?
        var isClosed = false
    }

    private enum Step {
        case job(BlockJob, hasMore: Bool)
        case rest(until: Double, generation: UInt64)
        case end
    }

    static let mostConnections = 6
    /// Connections that may bring what no one waits for yet.
    private static let mostAheadConnections = 4
    /// After so many answers in a row, one more connection is tried.
    private static let successesForMore = 16
    /// How long a carrier without work stays, in seconds.
    private static let longestIdleness = 5.0
    /// An answer of fewer bytes than this, in place of more, is as good as none.
    private static let leastProgress: UInt64 = 64 << 10

    let cache: BlockCache
    let object: Int
    private let byteCount: UInt64
    private let bring: Bringing
    /// No server is obeyed that wants to be left alone for longer, in seconds.
    private let longestDelay: Double
    private let meter: RemoteMeter
    private let state: Monitor<State>

    init(
        in cache: BlockCache, byteCount: UInt64, meter: RemoteMeter = RemoteMeter(),
        longestDelay: Double = 60, retry: RetryPolicy = RetryPolicy(),
        _ bring: @escaping Bringing
    ) {
        self.cache = cache
        self.byteCount = byteCount
        self.meter = meter
        self.longestDelay = longestDelay
        self.bring = bring
        state = Monitor(State(retry: retry))
        object = cache.table.withLock { $0.addObject(byteCount: byteCount) }
    }

    /// What failed last; nil since something succeeded.
    var lastFailure: String? { state.withLock { $0.lastFailure } }

    /// What has changed; nil where the object is the one that was opened.
    var staleness: String? { state.withLock { $0.staleness } }

    /// A reader begins to wait. Where no one did, it is not made to wait for what others met before: who comes when a server
    /// is back asks it at once.
    func readerBegins() {
        state.withLock { state in
            state.readerCount += 1
            guard state.readerCount == 1 else { return }
            state.retry.noteNewcomer()
            state.generation &+= 1
        }
        state.wake()
    }

    func readerEnds() {
        state.withLock { $0.readerCount -= 1 }
    }

    /// Waits until what is being brought is there, and kept where anything is, or until `deadline` (seconds of the monotonic
    /// clock); nothing that no one waits for is begun meanwhile.
    func settle(until deadline: Double) {
        cache.table.withLock { $0.dropWanted(of: object) }
        state.withLock(waitingWhile: { $0.jobCount > 0 }, until: deadline) { _ in }
    }

    /// Lets all carriers end; who waits is told.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.generation &+= 1
        }
        state.wake()
        let waiters = cache.table.withLock { $0.removeObject(object) }
        for waiter in waiters { waiter.tell(.failure(.interrupted)) }
    }

    /// For good: the object is another one.
    func noteStale(_ reason: String) {
        state.withLock { state in
            if state.staleness == nil { state.staleness = reason }
            state.generation &+= 1
        }
        state.wake()
        let waiters = cache.table.withLock { $0.removeAll(of: object) }
        for waiter in waiters { waiter.tell(.failure(.stale(source: reason))) }
    }

    /// Something is wanted: makes sure that a carrier sees it.
    /// - Throws: `ReadError.system` where the system has no thread to give and there is no carrier.
    func notify() throws(ReadError) {
        let isToStart = state.withLock { state in
            state.generation &+= 1
            guard !state.isClosed, state.restingCount == 0, state.carrierCount < Self.mostConnections else {
                return false
            }
            state.carrierCount += 1
            return true
        }
        state.wake()
        guard isToStart else { return }
        do throws(ReadError) {
            _ = try WorkerThread { self.carry() }
        } catch {
            let isAlone = state.withLock { state in
                state.carrierCount -= 1
                return state.carrierCount == 0
            }
            if isAlone { throw error }
        }
    }

    private func carry() {
        var idleEnd = MonotonicClock.now + Self.longestIdleness
        while true {
            switch nextStep(idleEnd: idleEnd) {
            case .job(let job, let hasMore):
                if hasMore { try? notify() }
                let outcome = bring(job)
                end(job, outcome)
                idleEnd = MonotonicClock.now + Self.longestIdleness
            case .rest(let time, let generation):
                state.withLock { $0.restingCount += 1 }
                state.withLock(waitingWhile: { $0.generation == generation && !$0.isClosed }, until: time) {
                    $0.restingCount -= 1
                }
            case .end: return
            }
        }
    }

    private func nextStep(idleEnd: Double) -> Step {
        state.withLock { state in
            let now = MonotonicClock.now
            let rest = Step.rest(until: max(idleEnd, now + 0.01), generation: state.generation)
            guard !state.isClosed, state.staleness == nil else {
                state.carrierCount -= 1
                return .end
            }
            let wait = state.retry.wait(at: now)
            guard wait == 0 else {
                return .rest(until: now + wait, generation: state.generation)
            }
            let isProbing = state.retry.isProbing
            if state.jobCount < (isProbing ? 1 : state.connectionLimit) {
                let mayGoAhead = !isProbing && state.aheadJobCount < Self.mostAheadConnections
                let (assignment, hasMore) = cache.table.withLock { table in
                    (table.assign(of: object, mayGoAhead: mayGoAhead), table.isAnyWanted(of: object))
                }
                if let assignment {
                    state.jobCount += 1
                    if !assignment.isDemanded { state.aheadJobCount += 1 }
                    let mayHaveMore = hasMore && state.jobCount < (isProbing ? 1 : state.connectionLimit)
                    return .job(
                        BlockJob(assignment, in: cache, byteCount: byteCount), hasMore: mayHaveMore)
                }
            }
            guard now < idleEnd else {
                state.carrierCount -= 1
                return .end
            }
            return rest
        }
    }

    private func end(_ job: BlockJob, _ outcome: BringingOutcome) {
        let hasProgress = job.isDone || job.broughtByteCount >= Self.leastProgress
        var waiters: [BlockWaiter] = []
        state.withLock { state in
            state.jobCount -= 1
            if !job.assignment.isDemanded { state.aheadJobCount -= 1 }
            state.generation &+= 1
            if hasProgress { note(success: outcome == .brought, in: &state) }
            let now = MonotonicClock.now
            switch outcome {
            case .brought:
                if !hasProgress {
                    noteFailure("the server sends a few bytes at a time", delay: nil, at: now, in: &state)
                }
            case .failed(let reason, let delay, let isCrowded):
                noteFailure(reason, delay: delay, at: now, in: &state)
                if isCrowded, state.jobCount > 0 { state.connectionLimit = max(1, state.jobCount) }
            case .refused(let reason):
                noteFailure(reason, delay: nil, at: now, in: &state)
            case .stale, .stopped: break
            }
            // What no one waits for is tried once more, and not while the server is unwell.
            let keepsAhead = !state.retry.isProbing
            cache.table.withLock { table in
                table.giveBack(job.assignment, filled: job.filled, keepsAhead: keepsAhead)
                if !keepsAhead { table.dropWanted(of: object) }
                if case .refused = outcome { waiters = table.takeWaiters(of: object) }
            }
        }
        state.wake()
        switch outcome {
        case .refused(let reason):
            for waiter in waiters { waiter.tell(.failure(.remote(source: "", reason: reason))) }
        case .stale(let reason): noteStale(reason)
        case .brought, .failed, .stopped: break
        }
    }

    private func note(success isWhole: Bool, in state: inout State) {
        state.retry.noteSuccess()
        if isWhole { state.lastFailure = nil }
        state.successCount += 1
        guard state.successCount % Self.successesForMore == 0 else { return }
        state.connectionLimit = min(Self.mostConnections, state.connectionLimit + 1)
    }

    private func noteFailure(_ reason: String, delay: Double?, at now: Double, in state: inout State) {
        state.retry.noteFailure(
            at: now, delay: delay.map { min($0, longestDelay) }, random: .random(in: 0...1))
        state.lastFailure = reason
        meter.noteRetry()
    }
}
