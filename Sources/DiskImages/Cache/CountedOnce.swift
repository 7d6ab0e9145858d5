// The data of a disk, which is counted once, when it is first asked for.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// How much of a disk is stored.
struct Allocation: Sendable {
    let byteCount: UInt64
    /// Whether what was not looked at counts as data.
    let isEstimate: Bool
}

/// Many threads may ask at once: one counts, and who may not wait waits for it only while it does not either.
final class CountedOnce: Sendable {
    private let known = SleepingMutex<Allocation?>(nil)
    private let lock = LoadingLock()

    /// The result; `count` finds it out.
    /// - Throws: what `count` throws, or `ReadError.wouldWait` where this thread may not wait for another that counts.
    func value(_ count: () throws(ReadError) -> Allocation) throws(ReadError) -> Allocation {
        if let value = known.withLock({ $0 }) { return value }
        return try Patience.asLittleAsPossible { () throws(ReadError) in
            try lock.acquire()
            defer { lock.release() }
            if let value = known.withLock({ $0 }) { return value }
            let counted = try count()
            known.withLock { $0 = counted }
            return counted
        }
    }
}
