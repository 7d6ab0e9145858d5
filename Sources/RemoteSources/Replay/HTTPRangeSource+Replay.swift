// Bringing what an earlier mount read, before anyone reads it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension HTTPRangeSource {
    /// Blocks that are asked for at a time.
    private static let blocksPerStep: UInt64 = 32
    /// How long a replay rests where there is no room for more, in seconds.
    private static let rest = 0.02

    /// The numbers that a record is known by; nil where the object has no version.
    static func recordKey(of version: ObjectVersion) -> [UInt64]? {
        guard let validator = version.validator else { return nil }
        return RemoteVersionMark.mark(name: "", byteCount: version.byteCount, validator: validator).version
    }

    /// Asks for the blocks of `reads` in their order, for as long as the source is there; a reader's own come first. What
    /// waits to be read takes at most a quarter of the cache, so that reading ahead has room beside it.
    /// - Returns: Whether the record is of this version of this object.
    func replay(_ reads: RecordedReads) -> Bool {
        guard let key = Self.recordKey(of: version), key == reads.version else { return false }
        // Without a thread nothing is brought before its time, which is no loss but of time.
        _ = try? WorkerThread { [weak self] in
            for run in reads.runs {
                var first = run.blocks.lowerBound
                while first < run.blocks.upperBound {
                    guard let state = self?.replayStep(from: first, before: run.blocks.upperBound) else {
                        return
                    }
                    first = state
                    guard first < run.blocks.upperBound, self?.hasRoomForReplay == false else { continue }
                    MonotonicClock.sleep(until: MonotonicClock.now + Self.rest)
                }
            }
        }
        return true
    }

    /// Asks for the next blocks where there is room.
    /// - Returns: The block to go on with; nil where the replay is over.
    private func replayStep(from first: UInt64, before end: UInt64) -> UInt64? {
        guard fetcher.staleness == nil, byteCount > 0, first <= (byteCount - 1) / Self.blockByteCount else {
            return nil
        }
        guard hasRoomForReplay else { return first }
        let next = min(end, first + Self.blocksPerStep)
        want(first * Self.blockByteCount..<min(byteCount, next * Self.blockByteCount), isDemanded: false)
        return next
    }

    private var hasRoomForReplay: Bool {
        access.cache.table.withLock {
            $0.aheadCount + $0.wantedAheadCount(of: fetcher.object) < $0.capacity / 4
        }
    }
}
