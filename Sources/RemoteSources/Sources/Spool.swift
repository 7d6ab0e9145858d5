// One transfer of a whole file, and how far it has come.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Brings a file from its first byte to its last into a file on disk. A transfer that breaks is begun anew, and has to bring
/// what came before.
final class Spool: Sendable {
    struct State {
        var version: ObjectVersion?
        /// So many bytes from the start are in the file.
        var frontier: UInt64 = 0
        var isComplete = false
        var isRunning = false
        var isClosed = false
        var waiterCount = 0
        /// Why those who waited when it stopped got nothing; nil while it runs.
        var failure: ReadError?
        var lastFailure: String?
        var isStale = false
        var lastProgress = MonotonicClock.now
        /// Nil until the version is known, and where nothing is kept.
        var keeper: SpoolKeeper?

        /// Whether the bytes before `end` may be read. The last one only once the transfer ended as it should: what a server
        /// sends behind it makes all of it another file.
        func has(_ end: UInt64) -> Bool {
            isComplete || end < frontier || end == frontier && version.map { end < $0.byteCount } ?? true
        }
    }

    /// So often a transfer is tried again that no one waits for.
    private static let mostIdleFailures = 10

    let object: RemoteObject
    let access: RemoteAccess
    let file: SpoolFile
    private let requester: RangeRequester
    let state = Monitor(State())

    /// - Throws: `ReadError.system` where there is no place for the file, no memory or no thread.
    init(_ object: RemoteObject, through access: RemoteAccess) throws(ReadError) {
        self.object = object
        // What comes is written to a disk, which no other transfer has to wait for.
        var own = RemoteAccess(
            over: try access.transport.separate(), cache: access.cache, meter: access.meter)
        own.timeoutInSeconds = access.timeoutInSeconds
        own.spoolFolder = access.spoolFolder
        own.spoolByteLimit = access.spoolByteLimit
        own.store = access.store
        own.servesWhatHasCome = access.servesWhatHasCome
        own.note = access.note
        self.access = own
        file = try SpoolFile(in: access.spoolFolder)
        requester = RangeRequester(object, through: own)
        state.withLock { $0.version = object.expectedVersion }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        state.wake()
    }

    /// Makes sure that the transfer goes on.
    /// - Throws: `ReadError.system` where the system has no thread to give.
    func start() throws(ReadError) {
        let isToStart = state.withLock { state in
            guard !state.isRunning, !state.isComplete, !state.isClosed, !state.isStale else { return false }
            state.isRunning = true
            state.failure = nil
            state.lastProgress = MonotonicClock.now
            return true
        }
        guard isToStart else { return }
        access.meter.noteTransfer(.running)
        do throws(ReadError) {
            _ = try WorkerThread { self.run() }
        } catch {
            state.withLock { $0.isRunning = false }
            throw error
        }
    }

    private func run() {
        var retry = RetryPolicy()
        while true {
            let (version, frontier) = state.withLock { ($0.version, $0.frontier) }
            let consumer = SpoolConsumer(self, knownPrefix: frontier)
            let limit = min(access.spoolByteLimit, Self.sum(file.freeByteCount, frontier))
            let outcome = requester.request(
                .whole(byteLimit: limit), known: version, isFirst: frontier == 0, until: .never,
                into: consumer)
            switch consumer.problem {
            case .isKept:
                guard restore() else { continue }
                return
            case .isAnother: return end(.stale(source: object.name))
            case .failure(let error): return end(error)
            case .isLonger(let byteCount):
                return end(
                    .remote(
                        source: object.name,
                        reason:
                            "the server sends more than the \(byteCount) bytes that the file is said to have")
                )
            case .isTooLong:
                return end(
                    .remote(
                        source: object.name,
                        reason:
                            "there is no room for what comes in one piece: name a folder with more by cache_dir"
                    ))
            case nil: break
            }
            switch outcome {
            case .bytes:
                // A body whose end tells its length may end early where an earlier one did not.
                guard consumer.byteCount >= frontier else {
                    guard retry.failureCount < Self.mostIdleFailures else {
                        return end(.stale(source: object.name))
                    }
                    noteFailure(&retry, "the file is shorter than before", nil)
                    continue
                }
                return complete(consumer.byteCount)
            case .stale: return end(.stale(source: object.name))
            case .refused(let reason): return end(.remote(source: object.name, reason: reason))
            case .withoutRanges:
                return end(.remote(source: object.name, reason: "the server refuses to send the file"))
            case .stopped: return end(.interrupted)
            case .failed(let reason, let delay, _):
                if state.withLock({ $0.frontier }) > frontier { retry.noteSuccess() }
                guard rest(afterFailing: reason, delay, &retry) else { return }
            case .unreachable(let reason):
                guard rest(afterFailing: reason, nil, &retry) else { return }
            }
        }
    }

    /// Takes note that the first `frontier` bytes are in the file.
    func advance(to frontier: UInt64) {
        let newByteCount = state.withLock { state in
            let newByteCount = frontier - min(frontier, state.frontier)
            state.frontier += newByteCount
            state.lastProgress = MonotonicClock.now
            return newByteCount
        }
        state.wake()
        access.meter.noteArrival(of: newByteCount)
    }

    /// Takes what an earlier transfer of this version left in the disk cache, in place of what the server sends.
    /// - Returns: Whether that was all.
    private func restore() -> Bool {
        guard
            let (keeper, byteCount) = state.withLock({ state in
                state.keeper.flatMap { keeper in state.version.map { (keeper, $0.byteCount) } }
            })
        else { return false }
        keeper.restore { frontier in
            advance(to: frontier)
            return state.withLock { !$0.isClosed }
        }
        guard state.withLock({ $0.frontier }) == byteCount else { return false }
        complete(byteCount)
        return true
    }

    /// Waits before the next try.
    /// - Returns: False where there is none.
    private func rest(afterFailing reason: String, _ delay: Double?, _ retry: inout RetryPolicy) -> Bool {
        noteFailure(&retry, reason, delay)
        let isGivenUp = state.withLock { state in
            state.isClosed || state.waiterCount == 0 && retry.failureCount >= Self.mostIdleFailures
        }
        guard !isGivenUp else {
            end(.remote(source: object.name, reason: reason))
            return false
        }
        state.withLock(waitingWhile: { !$0.isClosed }, until: retry.earliestTime) { _ in }
        return true
    }

    private static func sum(_ one: UInt64, _ other: UInt64) -> UInt64 {
        let (sum, overflow) = one.addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    private func noteFailure(_ retry: inout RetryPolicy, _ reason: String, _ delay: Double?) {
        retry.noteFailure(
            at: MonotonicClock.now, delay: delay.map { min($0, access.timeoutInSeconds) },
            random: .random(in: 0...1))
        access.meter.noteRetry()
        state.withLock { $0.lastFailure = reason }
    }

    private func complete(_ byteCount: UInt64) {
        state.withLock { state in
            state.version = ObjectVersion(byteCount: byteCount, validator: state.version?.validator)
            state.isComplete = true
            state.isRunning = false
            state.lastFailure = nil
        }
        access.meter.noteTransfer(.complete)
        state.wake()
    }

    private func end(_ error: ReadError) {
        state.withLock { state in
            state.isRunning = false
            state.failure = error
            if case .stale = error { state.isStale = true }
        }
        access.meter.noteTransfer(.ended("\(error)"))
        state.wake()
    }
}
