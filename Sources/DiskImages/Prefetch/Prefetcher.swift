// The threads that decode ahead of sequential readers.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// Decodes stretches of guest disks into the cluster cache, in the order in which they were asked for.
package final class Prefetcher: Sendable {
    /// A stretch of a guest disk that a reader will want soon.
    private struct Job: Sendable {
        let disk: GuestDisk
        let range: Range<UInt64>
        let reader: ReaderPosition

        var byteCount: Int { Int(truncatingIfNeeded: range.upperBound - range.lowerBound) }
    }

    /// More than readers ever ask for at once; a request that finds the queue full is forgotten, which costs
    /// its reader time and nothing else.
    private static let mostJobs = 512
    /// In seconds.
    private static let longestStop = 1.0

    private let jobs = BlockingQueue<Job>(capacity: mostJobs)
    private let queued = AwaitedBytes()
    private let threads: [WorkerThread]

    /// Starts `threadCount` threads; more than the machine has cores gains nothing.
    /// - Throws: `ReadError.system` where the system has no thread to give.
    package init(threadCount: Int) throws(ReadError) {
        let (jobs, queued) = (jobs, queued)
        var threads: [WorkerThread] = []
        for _ in 0..<max(1, threadCount) {
            threads.append(
                try WorkerThread {
                    while let job = jobs.pop() {
                        queued.add(-job.byteCount)
                        try? job.disk.load(job.range, aheadOf: job.reader)
                    }
                })
        }
        self.threads = threads
    }

    /// Asks for guest bytes `range` of `disk`, as far as `reader` has not passed them by then; returns at once.
    /// - Returns: Whether the request was taken.
    func request(_ range: Range<UInt64>, of disk: GuestDisk, aheadOf reader: ReaderPosition) -> Bool {
        let job = Job(disk: disk, range: range, reader: reader)
        queued.add(job.byteCount)
        let isTaken = jobs.push(job)
        if !isTaken { queued.add(-job.byteCount) }
        return isTaken
    }

    /// Guest bytes that were asked for and that no thread is at yet.
    var queuedByteCount: Int { queued.value }

    /// Forgets what was asked for and waits for the threads to end; not for one that a source holds up.
    package func stop() {
        jobs.close()
        let deadline = MonotonicClock.now + Self.longestStop
        for thread in threads { thread.join(until: deadline) }
    }
}
