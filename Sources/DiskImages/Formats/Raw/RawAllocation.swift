// How much of a raw disk is stored.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The bytes of a source that are no hole, counted when they are first asked for.
final class RawAllocation: Sendable {
    /// How many stretches of data are counted one by one.
    static let maximumStretchCount = 256
    /// How long they are looked for: a file system in memory goes through every page for the end of a stretch.
    static let longestCounting = Duration.milliseconds(50)

    private let source: any ByteSource
    private let found = CountedOnce()

    init(of source: any ByteSource) {
        self.source = source
    }

    /// For a thread that may wait.
    var result: Allocation {
        (try? Patience.waits.during { () throws(ReadError) in try count() })
            ?? Allocation(byteCount: source.byteCount, isEstimate: true)
    }

    /// - Throws: `ReadError.wouldWait` where this thread may not wait, and would have to.
    func count() throws(ReadError) -> Allocation {
        try found.value { () throws(ReadError) in try findData() }
    }

    /// What was not looked at, and what cannot be looked at, counts as data.
    private func findData() throws(ReadError) -> Allocation {
        let end = source.byteCount
        let start = SuspendingClock.now
        var sum: UInt64 = 0
        var position: UInt64 = 0
        var stretchCount = 0
        do throws(ReadError) {
            while position < end, stretchCount < Self.maximumStretchCount,
                SuspendingClock.now - start < Self.longestCounting
            {
                guard let data = try source.firstOffset(of: .data, in: position..<end) else {
                    return Allocation(byteCount: sum, isEstimate: false)
                }
                position = max(data, position)
                let hole = try source.firstOffset(of: .hole, in: position..<end) ?? end
                sum += hole - position
                position = hole
                stretchCount += 1
            }
        } catch {
            guard !error.isAboutTheReader else { throw error }
            return Allocation(byteCount: sum + (end - position), isEstimate: true)
        }
        return Allocation(byteCount: sum + (end - position), isEstimate: position < end)
    }
}
