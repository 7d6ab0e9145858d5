// How far opening is with files that have to be decoded whole: on a terminal, and in the log.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Logging

/// Shows the progress of opening while it goes on.
struct OpeningDisplay {
    let progress = OpeningProgress()
    /// The SOURCE argument, for the log.
    let source: String
    /// Nil where nobody reads a log.
    let log: Logger?

    /// What is done sooner is not told of, in seconds.
    private static let quietTime = 0.5
    /// Between two lines of the log, in seconds.
    private static let interval = 10.0

    /// Shows it while `body` runs.
    func show<Result, Failure: Error>(while body: () throws(Failure) -> Result) throws(Failure) -> Result {
        let bar = ProgressBar { [progress] in
            progress.current.map {
                ProgressBar.State(
                    label: $0.name.onOneLine, doneByteCount: $0.doneByteCount,
                    totalByteCount: $0.totalByteCount, movedByteCount: $0.doneByteCount)
            }
        }
        guard let log else { return try bar.show(while: body) }
        let reporter = Reporter(progress: progress, source: source, log: log)
        let thread = try? WorkerThread { reporter.run() }
        defer {
            reporter.finish()
            thread?.join()
        }
        return try bar.show(while: body)
    }

    /// Writes lines to the log until it is told to stop.
    private final class Reporter: Sendable {
        private let progress: OpeningProgress
        private let source: String
        private let log: Logger
        private let isFinished = Monitor(false)

        init(progress: OpeningProgress, source: String, log: Logger) {
            self.progress = progress
            self.source = source
            self.log = log
        }

        func finish() {
            isFinished.withLock { $0 = true }
            isFinished.wake()
        }

        func run() {
            var next = MonotonicClock.now + OpeningDisplay.quietTime
            while !isFinished.withLock(waitingWhile: { !$0 }, until: next, { $0 }) {
                if let step = progress.current {
                    let percent = Int(Double(step.doneByteCount) / Double(max(1, step.totalByteCount)) * 100)
                    log.info("\(source): decoding \(step.name) once, as far as is needed: \(percent) %")
                }
                next = MonotonicClock.now + OpeningDisplay.interval
            }
        }
    }
}
