// What reads of one file of a mount have met.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The first damage that reads of a file met, for its `user.ova.state`. Any thread may use it.
final class MetDamage: Sendable {
    private let first = SleepingMutex<ReadError?>(nil)

    /// Takes note of the error of a read; only of damage.
    func note(_ error: ReadError) {
        guard error.isDamage else { return }
        first.withLock { $0 = $0 ?? error }
    }

    /// Words for it; nil where there was none.
    var words: String? { first.withLock { $0 }.map { "damaged: \($0)" } }
}
