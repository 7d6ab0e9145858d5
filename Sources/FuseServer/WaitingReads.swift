// The requests that wait, and the threads that serve them.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CFuse
import Glibc
import Synchronization

/// Holds what the threads of the session's loop could not answer at once. A request's `Reply` moves in here, and whoever
/// takes it out answers: the worker that has the bytes, the interrupt, the end of the session. Any thread may use it.
final class WaitingReads: Sendable {
    /// More than this many threads never wait at once.
    static let mostWorkers = 64

    /// Does what a request asks for; `take` gives the answer that is owed, or nil where no one waits any more.
    typealias Service = @Sendable (_ request: WaitingRequest, _ take: () -> Reply?) -> Void

    private struct State {
        var queue: WaitingQueue
        /// What workers call; nil before the session and after it.
        var service: Service?
        var entries: [WaitingQueue.ID: WaitingEntry] = [:]
        /// Entries that are not in the queue, as they wait for the work of another.
        var parked = ParkedRequests()
        /// By the number that each has.
        var threads: [Int: WorkerThread] = [:]
        var startedCount = 0
        var idle: IdleWorkers
    }

    /// What a worker is to do next.
    private enum Next {
        case serve(WaitingQueue.ID, WaitingEntry)
        /// To wait as long as it takes, as there is no other thread.
        case wait
        case end
    }

    private let state: Monitor<State>
    private let nextID = Atomic<WaitingQueue.ID>(0)
    private let statistics: ServerStatistics
    private let places: DecoderPlaces
    private let idleSeconds: Double

    /// `decoderCount` threads decode at once; others wait for sources at the same time. Threads that had nothing to do for
    /// `idleSeconds` end, but for one.
    init(decoderCount: Int, statistics: ServerStatistics, idleSeconds: Double = 30) {
        let decoders = max(1, decoderCount)
        self.idleSeconds = idleSeconds
        state = Monitor(
            State(
                queue: WaitingQueue(workerLimit: max(Self.mostWorkers, 2 * decoders)),
                idle: IdleWorkers(period: idleSeconds)))
        places = DecoderPlaces(decoders)
        self.statistics = statistics
    }

    /// Gets ready to serve requests with `service`, and starts the first worker.
    /// - Throws: `ReadError.system` where the system has no thread to give.
    func begin(_ service: @escaping Service) throws(ReadError) {
        try state.withLock { state throws(ReadError) in
            try startWorker(service, in: &state)
            state.service = service
        }
    }

    /// How many threads there are.
    var threadCount: Int { state.withLock { $0.threads.count } }

    private func startWorker(_ service: @escaping Service, in state: inout State) throws(ReadError) {
        let number = state.startedCount
        state.threads[number] = try WorkerThread { self.work(service, as: number) }
        state.startedCount += 1
    }

    /// Takes over a request and its answer.
    func add(_ request: FileRequest, owing reply: consuming Reply) {
        add(.file(request), owing: reply) { state, id in
            state.queue.add(id, request.turn)
            self.engage(&state)
        }
    }

    /// Takes over a request that waits for work which someone else has to do: `takeParked` gives it back.
    func park(_ request: FolderRequest, owing reply: consuming Reply) {
        add(.folder(request), owing: reply) { state, id in state.parked.add(id, on: request.folder) }
    }

    private func add(
        _ request: WaitingRequest, owing reply: consuming Reply,
        _ place: (inout State, WaitingQueue.ID) -> Void
    ) {
        let id = nextID.add(1, ordering: .relaxed).newValue
        // Before the entry can be found, and with it the request be answered and gone.
        reply.callsInterrupt(of: id)
        let entry = WaitingEntry(request, owing: reply, PatientRead(decodingIn: places))
        let refusal: CInt? = state.withLock { state in
            guard state.service != nil else { return ENOTCONN }
            // An interrupt that came before the entry is here found nothing.
            guard entry.reply?.isInterrupted == false else { return EINTR }
            state.entries[id] = entry
            statistics.countWaiting()
            place(&state, id)
            return nil
        }
        // Not in the table, so no one else has it.
        if let refusal { entry.reply.take()?.failure(refusal) }
    }

    /// Takes what nobody waits for, or many do, for no longer than `deadline` (seconds of the monotonic clock).
    func add(_ request: WaitingRequest, until deadline: Double = .infinity) {
        let id = nextID.add(1, ordering: .relaxed).newValue
        let entry = WaitingEntry(
            request, owing: nil, PatientRead(decodingIn: places, until: deadline))
        state.withLock { state in
            guard state.service != nil else { return }
            state.entries[id] = entry
            state.queue.add(id, request.turn)
            statistics.countWaiting()
            engage(&state)
        }
    }

    /// The requests that wait for work about `folder`, which the caller is to answer, in the order in which they came.
    func takeParked(on folder: UInt64) -> [WaitingEntry] {
        let entries = state.withLock { state in
            state.parked.removeAll(on: folder).compactMap { state.entries.removeValue(forKey: $0) }
        }
        for _ in entries { statistics.countNoLongerWaiting() }
        return entries
    }

    /// The reader has been interrupted: it is answered at once, whatever its worker waits for.
    func interrupt(_ id: WaitingQueue.ID) {
        if callOff(id, with: EINTR) { statistics.countInterrupted() }
    }

    /// Answers all that wait; none is taken any more. Workers end as soon as what they wait for lets them.
    func end() {
        let entries = state.withLock { state in
            state.service = nil
            for entry in state.entries.values { entry.read.cancel() }
            let ids = state.queue.callOffAll() + state.parked.removeAll()
            return ids.compactMap { state.entries.removeValue(forKey: $0) }
        }
        state.wake()
        places.liftLimit()
        for entry in entries {
            statistics.countNoLongerWaiting()
            // Out of the table, so no one else has it.
            entry.reply.take()?.failure(ENOTCONN)
        }
    }

    /// Waits for the workers, at most until `deadline` (seconds of the monotonic clock); after `end`.
    func join(until deadline: Double) {
        let threads = state.withLock { state in
            defer { state.threads = [:] }
            return Array(state.threads.values)
        }
        for thread in threads { thread.join(until: deadline) }
    }

    private func callOff(_ id: WaitingQueue.ID, with errno: CInt) -> Bool {
        let entry = state.withLock { state in
            state.queue.callOff(id) || state.parked.remove(id)
                ? state.entries.removeValue(forKey: id) : nil
        }
        guard let entry else { return false }
        entry.read.cancel()
        statistics.countNoLongerWaiting()
        entry.reply.take()?.failure(errno)
        return true
    }

    /// A worker's answer; nil where someone else has answered.
    private func finish(_ id: WaitingQueue.ID) -> Reply? {
        let entry = state.withLock { state in
            state.queue.finish(id) ? state.entries.removeValue(forKey: id) : nil
        }
        guard let entry else { return nil }
        statistics.countNoLongerWaiting()
        return entry.reply.take()
    }

    /// Where there is something to do, wakes a worker, or starts one; those that there are do it otherwise.
    private func engage(_ state: inout State) {
        guard let service = state.service, state.queue.hasNext else { return }
        if state.idle.count > 0 {
            self.state.wake(all: false)
        } else if state.threads.count < state.queue.workerLimit {
            // Where the system has no thread to give, those that there are do it.
            try? startWorker(service, in: &state)
        }
    }

    private func work(_ service: Service, as number: Int) {
        var isOnly = false
        while true {
            switch next(for: number, until: isOnly ? .infinity : MonotonicClock.now + idleSeconds) {
            case .serve(let id, let entry):
                entry.read.perform { service(entry.request) { finish(id) } }
                // Whatever was not answered is answered with EIO here.
                _ = finish(id)
                isOnly = false
            case .wait: isOnly = true
            case .end: return
            }
        }
    }

    /// Waits for a request to work at, until `deadline` (seconds of the monotonic clock).
    private func next(for number: Int, until deadline: Double) -> Next {
        var isIdle = false
        var id: WaitingQueue.ID?
        return state.withLock(
            waitingWhile: { state in
                guard state.service != nil else { return false }
                id = state.queue.next()
                guard id == nil else { return false }
                if !isIdle {
                    isIdle = state.idle.add(now: MonotonicClock.now, mayEnd: state.threads.count > 1)
                }
                return isIdle
            }, until: deadline,
            { state in
                if isIdle { state.idle.remove() }
                guard state.service != nil else { return .end }
                // What came just as the time was over may have woken this thread and no other.
                id = id ?? state.queue.next()
                if let id, let entry = state.entries[id] {
                    // One wake-up may stand for several requests.
                    engage(&state)
                    return .serve(id, entry)
                }
                guard state.threads.count > 1 else { return .wait }
                state.threads[number] = nil
                return .end
            })
    }
}
