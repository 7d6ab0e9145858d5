// How much of a part of a disk is stored.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Synchronization

/// The time that counting all parts of a source may take together. Any thread may use it.
package final class CountingTime: Sendable {
    /// In nanoseconds.
    private let left: Atomic<Int64>

    package init(_ time: Duration = .seconds(2)) {
        left = Atomic(Int64(clamping: time.components.seconds &* 1_000_000_000))
    }

    /// What is left, in nanoseconds; below 0 where more was used.
    var nanoseconds: Int64 { left.load(ordering: .relaxed) }

    func use(_ time: Duration) {
        left.subtract(
            time.components.seconds &* 1_000_000_000 &+ time.components.attoseconds / 1_000_000_000,
            ordering: .relaxed)
    }
}

/// The bytes of a part that are no hole, counted when they are first asked for: exact for what is looked over within the
/// time for it, else an estimate that allows for data and for holes.
package final class PartAllocation: Sendable {
    /// The longest that one part is looked over.
    private static let longestCounting = Duration.milliseconds(50)

    private let part: any ByteSource
    private let time: CountingTime
    private let found = CountedOnce()

    package init(of part: any ByteSource, within time: CountingTime) {
        self.part = part
        self.time = time
    }

    /// - Throws: `ReadError.wouldWait` where this thread may not wait, and would have to.
    package func count() throws(ReadError) -> UInt64 {
        try found.value { () throws(ReadError) in try findData() }.byteCount
    }

    private func findData() throws(ReadError) -> Allocation {
        let limit = min(Self.longestCounting, .nanoseconds(time.nanoseconds))
        let start = SuspendingClock.now
        defer { time.use(SuspendingClock.now - start) }
        let end = part.byteCount
        var sum: UInt64 = 0
        var position: UInt64 = 0
        // What is looked for: the other kind lies before it.
        var region = Region.data
        do throws(ReadError) {
            while position < end, SuspendingClock.now - start < limit {
                let next: UInt64
                let step = try part.searchStep(for: region, in: position..<end)
                switch step {
                case .found(let offset), .unfinished(let offset): next = min(max(offset, position), end)
                case .absent: next = end
                }
                if region == .hole { sum += next - position }
                if case .found = step { region = region == .data ? .hole : .data }
                position = next
            }
        } catch {
            if error.isAboutTheReader { throw error }
        }
        guard position < end else { return Allocation(byteCount: sum, isEstimate: false) }
        // What was not looked at counts as data, but for one sector.
        let estimate = sum + (end - position)
        return Allocation(byteCount: end > 1_024 ? min(estimate, end - 512) : estimate, isEstimate: true)
    }
}
