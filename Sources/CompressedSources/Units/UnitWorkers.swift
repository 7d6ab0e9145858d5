// The threads that decode units ahead of who reads a compressed file from front to back.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A number of threads, shared by all compressed files of an appliance, and started when one of them is first of use.
package final class UnitWorkers: Sendable {
    private struct State {
        var waiting: [UnitSource] = []
        var threads: [WorkerThread] = []
        /// What the threads do is done for these.
        var reads: [PatientRead] = []
        var isStopped = false
    }

    /// What the threads have, which do not keep the rest.
    private final class Queue: Sendable {
        let state = Monitor(State())

        /// The next file that has something to decode; nil at the end.
        func next() -> UnitSource? {
            state.withLock(waitingWhile: { $0.waiting.isEmpty && !$0.isStopped }) { state in
                state.isStopped || state.waiting.isEmpty ? nil : state.waiting.removeFirst()
            }
        }
    }

    let threadCount: Int
    private let queue = Queue()

    /// In seconds.
    private static let longestStop = 1.0

    package init(threadCount: Int) {
        self.threadCount = max(1, threadCount)
    }

    deinit {
        stop()
    }

    /// Has a thread decode ahead in `source`; returns at once.
    /// - Returns: Whether one will.
    func offer(_ source: UnitSource) -> Bool {
        let isTaken = queue.state.withLock { state in
            guard !state.isStopped, state.waiting.count < threadCount else { return false }
            if state.threads.count < threadCount {
                let read = PatientRead(decodingIn: DecoderPlaces(1))
                let started = try? WorkerThread { [queue] in
                    read.perform {
                        while let source = queue.next() { source.decodeAhead() }
                    }
                }
                if let started {
                    state.threads.append(started)
                    state.reads.append(read)
                }
            }
            guard !state.threads.isEmpty else { return false }
            state.waiting.append(source)
            return true
        }
        if isTaken { queue.state.wake(all: false) }
        return isTaken
    }

    /// Ends what is under way and waits for the threads; not for one that a source holds up.
    package func stop() {
        let (threads, reads) = queue.state.withLock { state in
            defer {
                state.isStopped = true
                state.waiting = []
                state.threads = []
                state.reads = []
            }
            return (state.threads, state.reads)
        }
        for read in reads { read.cancel() }
        queue.state.wake()
        let deadline = MonotonicClock.now + Self.longestStop
        for thread in threads { thread.join(until: deadline) }
    }
}
