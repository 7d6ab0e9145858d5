// Tests of who is served next and who may answer: every order of arriving, working, finishing and calling off.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FuseServer

@Suite("The queue of requests that wait")
struct WaitingQueueTests {
    /// The value, in a form that an expectation may change.
    private final class Queue {
        private var value: WaitingQueue

        init(workerLimit: Int, decoderLimit: Int) {
            value = WaitingQueue(workerLimit: workerLimit, decoderLimit: decoderLimit)
        }

        var waitingCount: Int { value.waitingCount }
        var hasNext: Bool { value.hasNext }
        func add(_ id: WaitingQueue.ID, file: UInt64, deadline: Double = .infinity) {
            value.add(id, file: file, deadline: deadline)
        }
        func next() -> WaitingQueue.ID? { value.next() }
        func finish(_ id: WaitingQueue.ID) -> Bool { value.finish(id) }
        func callOff(_ id: WaitingQueue.ID) -> Bool { value.callOff(id) }
        func callOffAll() -> [WaitingQueue.ID] { value.callOffAll() }
        func takeOverdue(at now: Double) -> [WaitingQueue.ID] { value.takeOverdue(at: now) }
        func noteBlocked(_ isBlocked: Bool) { value.noteBlocked(isBlocked) }
    }

    private enum Step: CaseIterable {
        case take, finish, interrupt, tooLate, end
    }

    @Test("in every order of events a request is answered by exactly one, and leaves nothing behind")
    func orders() {
        // All sequences of five events, repetitions too; a worker that took a request always finishes in the end.
        for number in 0..<3_125 {
            let queue = Queue(workerLimit: 4, decoderLimit: 4)
            queue.add(7, file: 1, deadline: 10)
            var rest = number
            var answers = 0
            var isAtWork = false
            for _ in 0..<5 {
                let step = Step.allCases[rest % 5]
                rest /= 5
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
                case .tooLate: answers += queue.takeOverdue(at: 10).count
                case .end: answers += queue.callOffAll().count
                }
            }
            if isAtWork { answers += queue.finish(7) ? 1 : 0 }
            if queue.next() != nil { answers += queue.finish(7) ? 1 : 0 }
            #expect(answers == 1, "order \(number)")
            #expect(queue.waitingCount == 0 && !queue.hasNext)
            // The place of the request is free again.
            for id in 100..<104 { queue.add(WaitingQueue.ID(id), file: UInt64(id)) }
            for _ in 0..<4 { #expect(queue.next() != nil, "order \(number)") }
        }
    }

    @Test("files take turns, each in the order of its own requests")
    func turns() {
        let queue = Queue(workerLimit: 64, decoderLimit: 64)
        for id in 1...3 { queue.add(WaitingQueue.ID(id), file: 1) }
        queue.add(4, file: 2)
        queue.add(5, file: 3)
        #expect((0..<6).map { _ in queue.next() } == [1, 4, 5, 2, 3, nil])
    }

    @Test("a slow file leaves workers for every other: of those that are free, half")
    func share() {
        let queue = Queue(workerLimit: 64, decoderLimit: 64)
        for id in 1...200 { queue.add(WaitingQueue.ID(id), file: 1) }
        var count = 0
        while queue.next() != nil { count += 1 }
        #expect(count > 8 && count <= 32)
        for file in 2...20 {
            queue.add(WaitingQueue.ID(1_000 + file), file: UInt64(file))
            #expect(queue.next() == WaitingQueue.ID(1_000 + file))
        }
        #expect(queue.waitingCount == 219)
    }

    @Test("as many decode as may, and one more for each that waits for something outside")
    func decoders() {
        let queue = Queue(workerLimit: 64, decoderLimit: 2)
        for id in 1...10 { queue.add(WaitingQueue.ID(id), file: UInt64(id)) }
        #expect(queue.next() != nil && queue.next() != nil && queue.next() == nil)
        queue.noteBlocked(true)
        #expect(queue.next() != nil && queue.next() == nil)
        queue.noteBlocked(false)
        #expect(queue.finish(1) && queue.next() == nil)
        #expect(queue.finish(2) && queue.next() != nil)
    }

    @Test("a request that is called off while it is queued is never worked at, and its file's others are")
    func calledOff() {
        let queue = Queue(workerLimit: 4, decoderLimit: 4)
        for id in 1...3 { queue.add(WaitingQueue.ID(id), file: 1) }
        #expect(queue.callOff(1) && !queue.callOff(1))
        #expect(queue.next() == 2)
        #expect(queue.callOff(2) && !queue.callOff(2) && !queue.finish(2))
        #expect(queue.next() == 3 && queue.finish(3) && !queue.finish(3) && !queue.callOff(3))
        #expect(queue.waitingCount == 0)
    }

    @Test("those whose time is up are called off, by a clock of the caller's")
    func deadlines() {
        let queue = Queue(workerLimit: 4, decoderLimit: 4)
        queue.add(1, file: 1, deadline: 5)
        queue.add(2, file: 1, deadline: 7)
        queue.add(3, file: 2)
        #expect(queue.next() == 1)
        #expect(queue.takeOverdue(at: 4.9) == [])
        #expect(queue.takeOverdue(at: 5) == [1])
        #expect(!queue.finish(1))
        #expect(queue.takeOverdue(at: 1e9) == [2])
        #expect(queue.waitingCount == 1)
    }
}
