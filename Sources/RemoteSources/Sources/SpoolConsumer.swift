// Takes what one transfer of a whole file brings.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Writes what comes behind the frontier, and compares what came before.
final class SpoolConsumer: RangeConsumer {
    enum Problem {
        case isAnother
        /// The start of it is in the disk cache.
        case isKept
        case isTooLong
        /// It goes on behind the length that was told.
        case isLonger(UInt64)
        case failure(ReadError)
    }

    private struct Progress {
        var position: UInt64 = 0
        var problem: Problem?
    }

    private unowned let spool: Spool
    private let knownPrefix: UInt64
    private let progress = SleepingMutex(Progress())

    init(_ spool: Spool, knownPrefix: UInt64) {
        self.spool = spool
        self.knownPrefix = knownPrefix
    }

    var problem: Problem? { progress.withLock { $0.problem } }
    var byteCount: UInt64 { progress.withLock { $0.position } }

    func begin(_ range: Range<UInt64>, _ version: ObjectVersion) {
        let known = spool.state.withLock { state in
            if state.version == nil { state.version = version }
            state.lastProgress = MonotonicClock.now
            return state.keeper == nil ? state.version : nil
        }
        spool.state.wake()
        // Once: a start that turned out to be damaged is fetched.
        guard let known, let keeper = SpoolKeeper(spool.object, known, of: spool.file, in: spool.access.store)
        else { return }
        spool.state.withLock { $0.keeper = keeper }
        if knownPrefix == 0, keeper.hasStart { progress.withLock { $0.problem = .isKept } }
    }

    func append(_ bytes: RawSpan) -> Bool {
        progress.withLock { progress in
            guard progress.problem == nil else { return false }
            let known = Int(min(UInt64(bytes.byteCount), knownPrefix - min(knownPrefix, progress.position)))
            let end = progress.position &+ UInt64(bytes.byteCount)
            guard end >= progress.position, end <= spool.access.spoolByteLimit else {
                progress.problem = .isTooLong
                return false
            }
            let told = spool.state.withLock { $0.version?.byteCount ?? ObjectVersion.unknownByteCount }
            guard told == ObjectVersion.unknownByteCount || end <= told else {
                progress.problem = .isLonger(told)
                return false
            }
            guard known == 0 || spool.file.holds(bytes.extracting(0..<known), at: progress.position) else {
                progress.problem = .isAnother
                return false
            }
            if known < bytes.byteCount {
                do throws(ReadError) {
                    try spool.file.write(
                        bytes.extracting(known..<bytes.byteCount), at: progress.position + UInt64(known))
                } catch {
                    progress.problem = .failure(error)
                    return false
                }
            }
            progress.position = end
            spool.advance(to: end)
            let keeper = spool.state.withLock { $0.keeper }
            keeper?.keep(before: end)
            return true
        }
    }

    var isUnwanted: Bool { spool.state.withLock { $0.isClosed } }
}
