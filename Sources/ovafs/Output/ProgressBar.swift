// How far a long command is, for people at a terminal.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import Synchronization

/// A line on standard error that is drawn anew several times a second; nothing where that is no terminal on which a line
/// can be drawn anew. Its text is plain: no colours and no other commands to the terminal.
final class ProgressBar: Sendable {
    /// What is done sooner has no bar.
    private static let stepsBeforeFirst = 15
    private static let stepsBetween = 10
    private static let stepInMicroseconds: UInt32 = 20_000

    /// The columns that are drawn now.
    private static let drawnColumns = Mutex(0)

    /// What is being done, and how far it is.
    struct State {
        let label: String
        let doneByteCount: UInt64
        let totalByteCount: UInt64
        /// Those that were no holes.
        let movedByteCount: UInt64
    }

    private let state: @Sendable () -> State?
    private let isFinished = Atomic<Bool>(false)
    private let thread = Mutex<WorkerThread?>(nil)

    /// `progress` says how many of `totalByteCount` bytes are done, `moved` how many of these were no holes; both are
    /// called on another thread.
    init(
        _ label: String, of totalByteCount: UInt64, moved: (@Sendable () -> UInt64)? = nil,
        progress: @escaping @Sendable () -> UInt64
    ) {
        let shown = label.onOneLine
        let moved = moved ?? progress
        state = {
            State(
                label: shown, doneByteCount: progress(), totalByteCount: totalByteCount,
                movedByteCount: moved())
        }
    }

    /// `state` says what is being done, and is called on another thread; nil where that is nothing that has a bar.
    init(_ state: @escaping @Sendable () -> State?) {
        self.state = state
    }

    /// Draws the bar while `body` runs.
    func show<Result, Failure: Error>(while body: () throws(Failure) -> Result) throws(Failure) -> Result {
        guard Terminal.canRedraw else { return try body() }
        let started = try? WorkerThread { self.redraw() }
        thread.withLock { $0 = started }
        defer {
            isFinished.store(true, ordering: .relaxed)
            thread.withLock { $0 }?.join()
        }
        return try body()
    }

    private func redraw() {
        var start = Self.now()
        var label: String?
        var step = -Self.stepsBeforeFirst
        while !isFinished.load(ordering: .relaxed) {
            if step >= 0, step % Self.stepsBetween == 0, Terminal.isForeground {
                if let state = state() {
                    // Another thing to do has a rate of its own.
                    if let label, label != state.label { start = Self.now() }
                    label = state.label
                    let line = ProgressLine(
                        label: state.label, doneByteCount: state.doneByteCount,
                        totalByteCount: state.totalByteCount, movedByteCount: state.movedByteCount,
                        seconds: Self.now() - start)
                    Self.draw(line)
                } else {
                    Self.clear()
                }
            }
            step += 1
            usleep(Self.stepInMicroseconds)
        }
        Self.clear()
    }

    private static func draw(_ line: ProgressLine) {
        // A character in the last column would begin a new line.
        let columns = Terminal.columns - 1
        let text = line.text(columns: columns)
        drawnColumns.withLock { drawn in
            write("\r" + TerminalText.padded(text, to: min(drawn, columns)))
            drawn = TerminalText.columns(of: text)
        }
    }

    /// Takes the line away, so that a message stands alone.
    static func clear() {
        drawnColumns.withLock { drawn in
            guard drawn > 0 else { return }
            write("\r" + String(repeating: " ", count: min(drawn, Terminal.columns - 1)) + "\r")
            drawn = 0
        }
    }

    private static func now() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
    }
}
