// Tests of who is served next and who may answer: every order of arriving, working, finishing and calling off.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FuseServer

@Suite("The queue of requests that wait")
struct WaitingQueueTests {
    /// The value, in a form that an expectation may change.
    private final class Queue {
        private var value: WaitingQueue

        init(workerLimit: Int) {
            value = WaitingQueue(workerLimit: workerLimit)
        }

        var hasNext: Bool { value.hasNext }
        func add(_ id: WaitingQueue.ID, file: UInt64) { value.add(id, .reads(of: file)) }
        func add(_ id: WaitingQueue.ID, _ turn: WaitingQueue.Turn) { value.add(id, turn) }
        func next() -> WaitingQueue.ID? { value.next() }
        func finish(_ id: WaitingQueue.ID) -> Bool { value.finish(id) }
        func callOff(_ id: WaitingQueue.ID) -> Bool { value.callOff(id) }
        func callOffAll() -> [WaitingQueue.ID] { value.callOffAll() }
    }

    private enum Step: CaseIterable {
        case take, finish, interrupt, end
    }

    @Test("in every order of events a request is answered by exactly one, and leaves nothing behind")
    func orders() {
        // All sequences of five events, repetitions too; a worker that took a request always finishes in the end.
        for number in 0..<1_024 {
            let queue = Queue(workerLimit: 4)
            queue.add(7, file: 1)
            var rest = number
            var answers = 0
            var isAtWork = false
            for _ in 0..<5 {
                let step = Step.allCases[rest % 4]
                rest /= 4
                switch step {
                case .take:
                    guard let id = queue.next() else { continue }
                    #expect(id == 7)
                    isAtWork = true
                case .finish where isAtWork:
                    answers += queue.finish(7) ? 1 : 0
                    isAtWork = false
                case .finish: continue
                case .interrupt: answers += queue.callOff(7) ? 1 : 0
                case .end: answers += queue.callOffAll().count
                }
            }
            if isAtWork { answers += queue.finish(7) ? 1 : 0 }
            if queue.next() != nil { answers += queue.finish(7) ? 1 : 0 }
            #expect(answers == 1, "order \(number)")
            #expect(!queue.hasNext)
            // The place of the request is free again.
            for id in 100..<104 { queue.add(WaitingQueue.ID(id), file: UInt64(id)) }
            for _ in 0..<4 { #expect(queue.next() != nil, "order \(number)") }
        }
    }

    @Test("files take turns, each in the order of its own requests")
    func turns() {
        let queue = Queue(workerLimit: 64)
        for id in 1...3 { queue.add(WaitingQueue.ID(id), file: 1) }
        queue.add(4, file: 2)
        queue.add(5, file: 3)
        #expect((0..<6).map { _ in queue.next() } == [1, 4, 5, 2, 3, nil])
    }

    @Test("a slow file leaves workers for every other: of those that are free, half")
    func share() {
        let queue = Queue(workerLimit: 64)
        for id in 1...200 { queue.add(WaitingQueue.ID(id), file: 1) }
        var count = 0
        while queue.next() != nil { count += 1 }
        #expect(count > 8 && count <= 32)
        for file in 2...20 {
            queue.add(WaitingQueue.ID(1_000 + file), file: UInt64(file))
            #expect(queue.next() == WaitingQueue.ID(1_000 + file))
        }
    }

    @Test("counts have few places, and hold up neither opens nor reads")
    func counts() {
        let queue = Queue(workerLimit: 64)
        for id in 1...200 { queue.add(WaitingQueue.ID(id), .counts) }
        var count = 0
        while queue.next() != nil { count += 1 }
        #expect(1...4 ~= count)
        queue.add(1_000, .opens(of: 1))
        queue.add(1_001, file: 1)
        #expect(queue.next() == 1_000 && queue.next() == 1_001)
        // One after the other all are served.
        #expect(queue.finish(1) && queue.next() == WaitingQueue.ID(count + 1))
    }

    @Test("opens of a file that does not answer hold up those of no other, and all leave half for reads")
    func opens() {
        let queue = Queue(workerLimit: 64)
        for id in 1...200 { queue.add(WaitingQueue.ID(id), .opens(of: 1)) }
        while queue.next() != nil {}
        queue.add(1_000, .opens(of: 2))
        #expect(queue.next() == 1_000)
        for file in 3...200 { queue.add(WaitingQueue.ID(1_000 + file), .opens(of: UInt64(file))) }
        while queue.next() != nil {}
        for file in 1...20 {
            queue.add(WaitingQueue.ID(2_000 + file), file: UInt64(file))
            #expect(queue.next() == WaitingQueue.ID(2_000 + file))
        }
        // A place that becomes free goes to the next one, also where it has but one.
        #expect(queue.finish(1_000))
        let next = queue.next()
        #expect(next.map { 1_003...1_200 ~= $0 } == true && queue.next() == nil)
        let single = Queue(workerLimit: 1)
        single.add(1, .opens(of: 1))
        #expect(single.next() == 1)
    }

    @Test("a request starts whatever those at work do: only threads and the shares of files bound them")
    func starting() {
        let queue = Queue(workerLimit: 64)
        for id in 1...64 { queue.add(WaitingQueue.ID(id), file: UInt64(id)) }
        for _ in 1...64 { #expect(queue.next() != nil) }
        queue.add(65, file: 65)
        #expect(queue.next() == nil && queue.finish(1) && queue.next() == 65)
    }

    @Test("a request that is called off while it is queued is never worked at, and its file's others are")
    func calledOff() {
        let queue = Queue(workerLimit: 4)
        for id in 1...3 { queue.add(WaitingQueue.ID(id), file: 1) }
        #expect(queue.callOff(1) && !queue.callOff(1))
        #expect(queue.next() == 2)
        #expect(queue.callOff(2) && !queue.callOff(2) && !queue.finish(2))
        #expect(queue.next() == 3 && queue.finish(3) && !queue.finish(3) && !queue.callOff(3))
        #expect(!queue.hasNext && queue.callOffAll() == [])
    }
}
