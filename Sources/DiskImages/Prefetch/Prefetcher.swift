// The threads that decode ahead of sequential readers.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// Decodes stretches of guest disks into the cluster cache, in the order in which they were asked for.
package final class Prefetcher: Sendable {
    /// A stretch of a guest disk that a reader will want soon.
    private struct Job: Sendable {
        let disk: GuestDisk
        let range: Range<UInt64>
    }

    /// More than readers ever ask for at once; a request that finds the queue full is forgotten, which costs
    /// its reader time and nothing else.
    private static let mostJobs = 512
    /// In seconds.
    private static let longestStop = 1.0

    private let jobs = BlockingQueue<Job>(capacity: mostJobs)
    private let threads: [WorkerThread]

    /// Starts `threadCount` threads; more than the machine has cores gains nothing.
    /// - Throws: `ReadError.system` where the system has no thread to give.
    package init(threadCount: Int) throws(ReadError) {
        let jobs = jobs
        var threads: [WorkerThread] = []
        for _ in 0..<max(1, threadCount) {
            threads.append(
                try WorkerThread {
                    while let job = jobs.pop() { try? job.disk.load(job.range, isAhead: true) }
                })
        }
        self.threads = threads
    }

    /// Asks for guest bytes `range` of `disk`; returns at once.
    /// - Returns: Whether the request was taken.
    func request(_ range: Range<UInt64>, of disk: GuestDisk) -> Bool {
        jobs.push(Job(disk: disk, range: range))
    }

    /// Forgets what was asked for and waits for the threads to end; not for one that a source holds up.
    package func stop() {
        jobs.close()
        let deadline = MonotonicClock.now + Self.longestStop
        for thread in threads { thread.join(until: deadline) }
    }
}
