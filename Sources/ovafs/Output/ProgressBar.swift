// How far a long command is, for people at a terminal.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import Synchronization

/// A line on standard error that is drawn anew several times a second; nothing where that is no terminal.
final class ProgressBar: Sendable {
    private static let intervalInMicroseconds: UInt32 = 200_000
    private static let barWidth = 24

    private let label: String
    private let totalByteCount: UInt64
    private let progress: @Sendable () -> UInt64
    private let isFinished = Atomic<Bool>(false)
    private let thread = Mutex<WorkerThread?>(nil)

    /// `progress` says how many of `totalByteCount` bytes are done; it is called on another thread.
    init(_ label: String, of totalByteCount: UInt64, progress: @escaping @Sendable () -> UInt64) {
        self.label = label.onOneLine
        self.totalByteCount = totalByteCount
        self.progress = progress
    }

    /// Draws the bar while `body` runs.
    func show<Result, Failure: Error>(while body: () throws(Failure) -> Result) throws(Failure) -> Result {
        guard isatty(2) == 1 else { return try body() }
        let started = try? WorkerThread { self.redraw() }
        thread.withLock { $0 = started }
        defer {
            isFinished.store(true, ordering: .relaxed)
            thread.withLock { $0 }?.join()
        }
        return try body()
    }

    private func redraw() {
        let start = Self.now()
        while !isFinished.load(ordering: .relaxed) {
            write("\r\(line(after: Self.now() - start))\u{1b}[K")
            usleep(Self.intervalInMicroseconds)
        }
        write("\r\u{1b}[K")
    }

    private func line(after seconds: Double) -> String {
        let done = min(progress(), totalByteCount)
        let share = totalByteCount > 0 ? Double(done) / Double(totalByteCount) : 1
        let filled = Int(share * Double(Self.barWidth))
        let bar =
            String(repeating: "#", count: filled) + String(repeating: "-", count: Self.barWidth - filled)
        let rate = seconds > 0 ? Double(done) / seconds : 0
        let left = rate > 0 ? Self.duration(Double(totalByteCount - done) / rate) : "--:--"
        return "\(label) [\(bar)] \(Int(share * 100))% \(ByteCount.text(UInt64(rate)))/s \(left) left"
    }

    /// Minutes and seconds, with hours where there are any.
    private static func duration(_ seconds: Double) -> String {
        let whole = Int(min(seconds, 359_999))
        let parts = (whole >= 3600 ? [whole / 3600] : []) + [whole % 3600 / 60, whole % 60]
        return parts.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    }

    private static func now() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
    }
}
