// How a read waits for the blocks that it lacks.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension HTTPRangeSource {
    /// A reader of a block that is far behind in a slow transfer gets a transfer of its own after so many seconds.
    private static let patienceWithTransfer = 1.0
    /// How often who waits looks whether anyone still waits for it, in seconds.
    private static let lookInterval = 0.25
    /// Where a round trip takes less, in seconds, a read that stands alone brings its own block only.
    private static let shortRoundTrip = 0.002

    /// The memory of a block, pinned; waits for it. `range`: the bytes that the same read wants.
    func block(
        _ index: UInt64, of range: Range<UInt64>, until deadline: Deadline
    ) throws(ReadError) -> BlockBuffer {
        let end = blocks(of: range).upperBound
        let waiter = BlockWaiter()
        let key = key(index)
        let here = access.cache.table.withLock { table -> BlockBuffer? in
            if let buffer = table.pin(key) { return buffer }
            _ = table.want(index..<end, of: fetcher.object, isDemanded: true)
            wantNeighbour(of: range, in: &table)
            _ = table.wait(for: key, waiter)
            return nil
        }
        if let here { return here }
        if let kept = keptBlock(key) {
            stopWaiting(for: key, waiter)
            return kept
        }
        access.meter.noteWaiting(1)
        fetcher.readerBegins()
        defer {
            fetcher.readerEnds()
            access.meter.noteWaiting(-1)
        }
        let start = MonotonicClock.now
        var isRescued = false
        while true {
            // Whoever was told of a lack of memory may find some now.
            do throws(ReadError) {
                try validate()
                try fetcher.notify()
                try PatientRead.checkCancellation()
                if deadline.hasPassed() { throw timeOut() }
            } catch {
                stopWaiting(for: key, waiter)
                throw error
            }
            let time = min(deadline.time, MonotonicClock.now + Self.lookInterval)
            switch PatientRead.blocking({ waiter.wait(until: time) }) {
            case .success(let buffer): return buffer
            case .failure(.stale): throw .stale(source: name)
            case .failure(.remote(_, let reason)): throw .remote(source: name, reason: reason)
            case .failure(let error): throw error
            case nil: break
            }
            if !isRescued, MonotonicClock.now - start > Self.patienceWithTransfer {
                isRescued = access.cache.table.withLock { $0.takeFromTransfer(key) }
            }
        }
    }

    /// A block that is on disk, pinned; nil where it is not, or someone brings it already. So what is there is read while
    /// the server is away.
    private func keptBlock(_ key: BlockTable.Key) -> BlockBuffer? {
        guard let stored, stored.has(key.index),
            let assignment = access.cache.table.withLock({ $0.assign(key) })
        else { return nil }
        let job = BlockJob(assignment, in: access.cache, byteCount: byteCount)
        _ = PatientRead.blocking { unsafe job.fillBlock { unsafe stored.read(key.index, into: $0) } }
        return access.cache.table.withLock { table in
            table.giveBack(assignment, filled: nil, keepsAhead: true)
            return table.pin(key)
        }
    }

    private func stopWaiting(for key: BlockTable.Key, _ waiter: BlockWaiter) {
        access.cache.table.withLock { $0.stopWaiting(for: key, waiter) }
        // What was told meanwhile is pinned.
        if case .success(let buffer) = waiter.wait(until: 0) {
            access.cache.table.withLock { $0.unpin(key, buffer) }
        }
    }

    private func timeOut() -> ReadError {
        let seconds = Int(min(max(0, access.timeoutInSeconds), 1e9))
        let why = fetcher.lastFailure ?? "the server is silent or too slow"
        return .remote(source: name, reason: "not read within \(seconds) s: \(why)")
    }

    /// A read that stands alone brings the next block too, as a round trip takes longer than that: where it ends in the
    /// second half of its own, so that what belongs together is near.
    func wantNeighbour(of range: Range<UInt64>, in table: inout BlockTable) {
        let next = blocks(of: range).upperBound
        guard access.meter.roundTrip > Self.shortRoundTrip,
            next * Self.blockByteCount - range.upperBound < Self.blockByteCount / 2
        else { return }
        _ = table.want(next..<(next + 1), of: fetcher.object, isDemanded: false)
    }
}
