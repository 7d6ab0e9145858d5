// How much of a raw disk is stored.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization

/// The bytes of a source that are no hole, counted when they are first asked for.
final class RawAllocation: Sendable {
    /// How many stretches of data are counted one by one.
    static let maximumStretchCount = 256
    /// How long they are looked for: a file system in memory goes through every page for the end of a stretch.
    static let longestCounting = Duration.milliseconds(50)

    private let source: any ByteSource
    private let found = Mutex<Result?>(nil)

    struct Result {
        let byteCount: UInt64
        /// Whether what was not looked at counts as data.
        let isEstimate: Bool
    }

    init(of source: any ByteSource) {
        self.source = source
    }

    /// Counted while the lock is held, so that many threads that ask at once count once.
    var result: Result {
        found.withLock { found in
            if let found { return found }
            let count = counted()
            found = count
            return count
        }
    }

    /// What was not looked at, and what cannot be looked at, counts as data.
    private func counted() -> Result {
        let end = source.byteCount
        let start = ContinuousClock.now
        var sum: UInt64 = 0
        var position: UInt64 = 0
        var stretchCount = 0
        do throws(ReadError) {
            while position < end, stretchCount < Self.maximumStretchCount,
                ContinuousClock.now - start < Self.longestCounting
            {
                guard let data = try source.firstOffset(of: .data, in: position..<end) else {
                    return Result(byteCount: sum, isEstimate: false)
                }
                position = max(data, position)
                let hole = try source.firstOffset(of: .hole, in: position..<end) ?? end
                sum += hole - position
                position = hole
                stretchCount += 1
            }
        } catch {
            return Result(byteCount: sum + (end - position), isEstimate: true)
        }
        return Result(byteCount: sum + (end - position), isEstimate: position < end)
    }
}
