// Tests of requests that wait, in all orders: each is answered once, nobody is forgotten, and the shares are kept.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import FuseServer

@Suite("Requests that wait, in all orders")
struct WaitingStatesTests {
    /// The queue, and what those around it know.
    private struct System: Hashable {
        var queue: WaitingQueue
        var arrived: Set<UInt64> = []
        var answered: [UInt64: Int] = [:]
        var called: Set<UInt64> = []
        var workers: [UInt64?]
        var hasEnded = false
    }

    private typealias Turns = [UInt64: WaitingQueue.Turn]

    /// Requests come, workers take and finish them, readers are interrupted, the session ends: each at any time.
    private static func moves(_ system: System, _ turns: Turns) -> [StateSearch.Move<System>] {
        var moves: [StateSearch.Move<System>] = []
        func add(_ name: String, _ change: (inout System) -> Void) {
            var next = system
            change(&next)
            moves.append(StateSearch.Move(name, next))
        }
        func answer(_ id: UInt64, _ system: inout System) { system.answered[id, default: 0] += 1 }
        for (id, turn) in turns where !system.arrived.contains(id) && !system.hasEnded {
            add("\(id) comes") { system in
                system.arrived.insert(id)
                system.queue.add(id, turn)
            }
        }
        for (worker, id) in system.workers.enumerated() {
            if let id {
                add("worker \(worker) finishes \(id)") { system in
                    if system.queue.finish(id) { answer(id, &system) }
                    system.workers[worker] = nil
                }
            } else if system.queue.hasNext, system.workers.firstIndex(of: nil) == worker {
                add("worker \(worker) takes the next") { $0.workers[worker] = $0.queue.next() }
            }
        }
        for id in system.arrived.subtracting(system.called) where !system.hasEnded {
            add("\(id) is interrupted") { system in
                system.called.insert(id)
                if system.queue.callOff(id) { answer(id, &system) }
            }
        }
        if !system.hasEnded {
            add("the session ends") { system in
                system.hasEnded = true
                for id in system.queue.callOffAll() { answer(id, &system) }
            }
        }
        return moves
    }

    private static func problem(_ system: System, _ turns: Turns, isLast: Bool) -> String? {
        if let twice = system.answered.first(where: { $0.value > 1 }) {
            return "\(twice.key) is answered twice"
        }
        let atWork = system.workers.compactMap(\.self)
        if Set(atWork).count < atWork.count { return "two workers have one request" }
        for turn in Set(turns.values) {
            let count = atWork.filter { turns[$0] == turn }.count
            let most =
                switch turn {
                case .counts: 2
                case .renewals, .tidying: 1
                default: system.workers.count
                }
            if count > most { return "\(count) of \(turn) are at work" }
        }
        if atWork.contains(where: { id in
            !system.arrived.contains(id)
                || (!system.called.contains(id) && system.answered[id] != nil
                    && !system.hasEnded)
        }) {
            return "a request is at work that was answered"
        }
        let waiting = system.arrived.filter { system.answered[$0] == nil && !atWork.contains($0) }
        // With nothing at work, whatever waits may begin.
        if atWork.isEmpty, !waiting.isEmpty, !system.queue.hasNext { return "\(waiting) are forgotten" }
        if isLast, !waiting.isEmpty { return "\(waiting) are never answered" }
        if isLast, !atWork.isEmpty { return "workers never end" }
        return nil
    }

    @Test("whatever happens in whatever order, each request is answered once and none is forgotten")
    func states() {
        let cases: [(workers: Int, turns: Turns)] = [
            (1, [1: .reads(of: 1), 2: .reads(of: 1), 3: .opens(of: 1), 4: .counts]),
            (2, [1: .reads(of: 1), 2: .reads(of: 1), 3: .reads(of: 2), 4: .opens(of: 1)]),
            (3, [1: .counts, 2: .counts, 3: .counts, 4: .reads(of: 1)]),
            (2, [1: .renewals, 2: .renewals, 3: .folders, 4: .tidying]),
        ]
        for (workers, turns) in cases {
            let start = System(
                queue: WaitingQueue(workerLimit: workers), workers: Array(repeating: nil, count: workers))
            let outcome = StateSearch.explore(
                from: start, fingerprint: { $0 }, moves: { Self.moves($0, turns) },
                problem: { Self.problem($0, turns, isLast: $1) })
            #expect(outcome.failure == nil && outcome.isComplete && outcome.stateCount > 1_000, "\(turns)")
        }
    }

    @Test("a queue that forgets who was called off while it was at work is found")
    func forgetful() {
        let turns: Turns = [1: .reads(of: 1)]
        let start = System(queue: WaitingQueue(workerLimit: 1), workers: [nil])
        let outcome = StateSearch.explore(
            from: start, fingerprint: { $0 },
            moves: { system in
                Self.moves(system, turns).map { move in
                    // As if the worker did not ask whether the answer is still its own.
                    var next = move.next
                    if move.name.hasPrefix("worker 0 finishes") {
                        next.answered[1] = (system.answered[1] ?? 0) + 1
                    }
                    return StateSearch.Move(move.name, next)
                }
            },
            problem: { Self.problem($0, turns, isLast: $1) })
        #expect(
            outcome.failure?.contains("1 is answered twice, after: 1 comes; worker 0 takes the next;") == true
        )
    }

    /// What is done, and who waits for it.
    private final class Done: Sendable {
        let ids = Monitor<[UInt64]>([])
        let statistics = ServerStatistics()
        let reads: WaitingReads

        init() { reads = WaitingReads(decoderCount: 1, statistics: statistics) }

        func serve(_ request: WaitingRequest) {
            guard case .work(.open(let id)) = request else { return }
            ids.withLock { $0.append(id) }
            ids.wake()
        }
    }

    @Test(
        "threads that serve are woken or started for each request, and end with the session, in many orders")
    func workers() {
        let outcome = Interleavings.sample(150) {
            let done = Done()
            return Interleavings.Scenario(
                [
                    {
                        try? done.reads.begin { request, _ in done.serve(request) }
                        done.reads.add(.work(.open(1)))
                        done.ids.withLock(waitingWhile: { $0.count < 2 }) { _ in }
                        done.reads.end()
                        done.reads.join(until: .infinity)
                    },
                    {
                        // Only what comes after the beginning is taken.
                        done.ids.withLock(waitingWhile: { $0.isEmpty }) { _ in }
                        done.reads.add(.work(.open(2)))
                    },
                ],
                problems: {
                    (done.ids.withLock { $0 } == [1, 2] ? [] : ["not each was served once"])
                        + (done.statistics.waitingReads == 0 ? [] : ["someone waits still"])
                })
        }
        #expect(outcome.failure == nil && outcome.count >= 150)
    }

    @Test("a session that ends while requests come answers or serves each, and its threads end")
    func ending() {
        let outcome = Interleavings.sample(150) {
            let done = Done()
            return Interleavings.Scenario(
                [
                    {
                        try? done.reads.begin { request, _ in done.serve(request) }
                        done.reads.add(.work(.open(1)))
                        done.reads.end()
                        done.reads.join(until: .infinity)
                    },
                    { done.reads.add(.work(.open(2))) },
                ],
                problems: {
                    let ids = done.ids.withLock { $0 }
                    return (Set(ids).count == ids.count ? [] : ["served twice"])
                        + (done.statistics.waitingReads == 0 ? [] : ["someone waits still"])
                })
        }
        #expect(outcome.failure == nil && outcome.count > 50)
    }
}
