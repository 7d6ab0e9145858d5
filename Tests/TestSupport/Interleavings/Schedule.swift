// One run of several threads, of which one at a time goes on.
// SPDX-License-Identifier: Apache-2.0

#if DEBUG
    import ByteSources
    import Glibc
    import Synchronization

    /// Gives turns as the choices say. A deadlock, or a run without end, is a failure; then locks are given to whoever wants
    /// them and all waits are over, so that the threads end.
    // SAFETY: the one thread that has its turn uses what is `var`; `start`, before there is any.
    @safe final class Schedule: ThreadDirector, @unchecked Sendable {
        private enum Wish {
            case turn
            case lock(UInt, LockSite)
            case wakeUp(lock: UInt?, deadline: Double, isWoken: Bool)
            case nothing
        }

        private struct Actor {
            var wish = Wish.turn
            var isTimedOut = false
        }

        private static let mostSteps = 20_000
        /// Threads that go on for so long after a failure are left where they are.
        private static let mostStepsAfterFailure = 2_000

        private(set) var choices: ScheduleChoices
        private(set) var failure: String?
        /// What was done, a line a step.
        var steps: [String] { log.map(describe) }

        private let preemptionLimit: Int
        private var preemptionCount = 0
        private var actors: [Actor] = []
        /// One for each thread. Behind a lock, as a thread that waits for its turn looks for its own.
        private let signals = Mutex<[ThreadSignal]>([])
        private var running = 0
        private var holders: [UInt: Int] = [:]
        private var log: [(actor: Int, wish: Wish)] = []
        private var stepsAfterFailure = 0
        private let ended = ThreadSignal()
        /// Before all times of the real clock, so that what a run leaves is old afterwards.
        private(set) var now = 1.0

        init(_ choices: ScheduleChoices, preemptionLimit: Int) {
            self.choices = choices
            self.preemptionLimit = preemptionLimit
        }

        /// Runs threads to their end.
        /// - Returns: What went wrong with them.
        func run(_ threads: [@Sendable () -> Void]) -> [String] {
            var workers: [WorkerThread] = []
            for body in threads {
                let number = add()
                guard
                    let worker = try? WorkerThread({ LockWatch.perform(number, of: self, body) })
                else { return ["the system has no thread to give"] }
                workers.append(worker)
            }
            goOn(with: choose(after: nil))
            ended.wait()
            if stepsAfterFailure < Self.mostStepsAfterFailure { for worker in workers { worker.join() } }
            return failure.map { [$0] } ?? []
        }

        // MARK: Calls of threads

        func turn() { pass(.turn) }

        func take(_ lock: UInt, _ site: LockSite) {
            pass(.lock(lock, site))
            holders[lock] = running
        }

        func hold(_ lock: UInt) { holders[lock] = running }

        func leave(_ lock: UInt) { holders[lock] = nil }

        func wait(for lock: UInt?, until deadline: Double) -> Bool {
            if let lock { holders[lock] = nil }
            pass(.wakeUp(lock: lock, deadline: deadline, isWoken: false))
            if let lock { holders[lock] = running }
            return !actors[running].isTimedOut
        }

        func wake(_ lock: UInt, all: Bool) {
            var waiting: [(Int, Double)] = []
            for (number, actor) in actors.enumerated() {
                if case .wakeUp(lock, let deadline, false) = actor.wish { waiting.append((number, deadline)) }
            }
            if !all, !waiting.isEmpty { waiting = [waiting[choices.choose(of: waiting.count)]] }
            for (number, deadline) in waiting {
                actors[number].wish = .wakeUp(lock: lock, deadline: deadline, isWoken: true)
            }
        }

        func add() -> Int {
            actors.append(Actor())
            signals.withLock { $0.append(ThreadSignal()) }
            return actors.count - 1
        }

        func begin(_ number: Int) { signal(number).wait() }

        func end() {
            actors[running].wish = .nothing
            goOn(with: choose(after: nil))
        }

        // MARK: Turns

        private func pass(_ wish: Wish) {
            let own = running
            actors[own].wish = wish
            actors[own].isTimedOut = false
            let next = choose(after: own)
            if next == own {
                log.append((own, wish))
            } else {
                goOn(with: next)
                signal(own).wait()
            }
            actors[own].wish = .turn
        }

        /// Gives a thread its turn; nil where all have ended.
        private func goOn(with next: Int?) {
            guard let next else { return ended.send() }
            running = next
            log.append((next, actors[next].wish))
            signal(next).send()
        }

        private func signal(_ number: Int) -> ThreadSignal { signals.withLock { $0[number] } }

        /// The next one; `current` is the thread that asks, unless it ends.
        private func choose(after current: Int?) -> Int? {
            var options = actors.indices.filter { canGoOn(actors[$0].wish) }
            if options.isEmpty { options = letTimePass() }
            if log.count > Self.mostSteps { fail("the threads do not come to an end") }
            if options.isEmpty, failure == nil, actors.contains(where: { !isNothing($0.wish) }) {
                fail(
                    "no thread can go on: "
                        + actors.indices.filter { !isNothing(actors[$0].wish) }
                        .map { describe(($0, actors[$0].wish)) }.joined(separator: "; "))
            }
            if failure != nil { return nextAfterFailure() }
            guard let current, let index = options.firstIndex(of: current) else {
                return options.isEmpty ? nil : options[choices.choose(of: options.count)]
            }
            guard preemptionCount < preemptionLimit else { return current }
            options.remove(at: index)
            options.insert(current, at: 0)
            let next = options[choices.choose(of: options.count, mayGoOn: true)]
            if next != current { preemptionCount += 1 }
            return next
        }

        private func canGoOn(_ wish: Wish) -> Bool {
            switch wish {
            case .turn: true
            case .lock(let lock, _): holders[lock] == nil
            case .wakeUp(let lock, _, let isWoken): isWoken && lock.flatMap { holders[$0] } == nil
            case .nothing: false
            }
        }

        /// The thread whose deadline is the next one, which has come then.
        private func letTimePass() -> [Int] {
            var next: (actor: Int, deadline: Double)?
            for (number, actor) in actors.enumerated() {
                guard case .wakeUp(let lock, let deadline, _) = actor.wish, deadline < .infinity,
                    lock.flatMap({ holders[$0] }) == nil, deadline < next?.deadline ?? .infinity
                else { continue }
                next = (number, deadline)
            }
            guard let next else { return [] }
            now = max(now, next.deadline)
            actors[next.actor].isTimedOut = true
            return [next.actor]
        }

        private func fail(_ reason: String) {
            if failure == nil { failure = reason }
        }

        private func nextAfterFailure() -> Int? {
            stepsAfterFailure += 1
            guard stepsAfterFailure < Self.mostStepsAfterFailure else {
                if stepsAfterFailure == Self.mostStepsAfterFailure { ended.send() }
                ThreadSignal().wait()
                return nil
            }
            // In turn, or one that asks again and again would hold up the others.
            let rest = actors.indices.filter { !isNothing(actors[$0].wish) }
            guard let next = rest.first(where: { $0 > running }) ?? rest.first else { return nil }
            actors[next].isTimedOut = true
            return next
        }

        private func isNothing(_ wish: Wish) -> Bool {
            if case .nothing = wish { true } else { false }
        }

        private func describe(_ step: (actor: Int, wish: Wish)) -> String {
            let what =
                switch step.wish {
                case .turn: "goes on"
                case .lock(_, let site): "takes \(LockWatch.name(of: site))"
                case .wakeUp(_, let deadline, let isWoken):
                    isWoken ? "is woken" : "waits until \(deadline - 1) s"
                case .nothing: "has ended"
                }
            return "thread \(step.actor) \(what)"
        }
    }

    /// What one thread waits for and another one sends.
    // SAFETY: the semaphore is allocated once and stays where it is.
    @safe final class ThreadSignal: @unchecked Sendable {
        private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

        init() { unsafe sem_init(semaphore, 0, 0) }

        deinit {
            unsafe sem_destroy(semaphore)
            unsafe semaphore.deallocate()
        }

        func send() { unsafe sem_post(semaphore) }

        func wait() {
            while unsafe sem_wait(semaphore) != 0 {}
        }
    }
#endif
