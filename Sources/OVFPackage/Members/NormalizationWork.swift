// A bound on how much text of a package is compared by canonical equivalence.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Swift normalises a string each time it is hashed, at some 50 MB a second: names times look-ups have one bound, which
/// all who look names of one package up share. Any thread may use it.
final class NormalizationWork: Sendable {
    /// Most text, in bytes: names of a thousand files in any script are a fraction of it.
    static let maximumByteCount = 4 << 20

    private let left = Atomic<Int>(maximumByteCount)

    /// Whether more was asked for than there was.
    var isDone: Bool { left.load(ordering: .relaxed) < 0 }

    private let isReported = Atomic<Bool>(false)

    /// Whether it is still to be said that more was asked for than there was: the first who asks says it for all.
    func takeReport() -> Bool { !isReported.exchange(true, ordering: .relaxed) }

    /// Takes `byteCount` bytes; false where they are not left, and then for good.
    func take(_ byteCount: Int) -> Bool {
        var known = left.load(ordering: .relaxed)
        while known >= 0 {
            // Beneath zero it stays: what was left out once is left out for all that follow.
            let wanted = known >= byteCount ? known - byteCount : -1
            let (exchanged, original) = left.weakCompareExchange(
                expected: known, desired: wanted, ordering: .relaxed)
            if exchanged { return wanted >= 0 }
            known = original
        }
        return false
    }
}
