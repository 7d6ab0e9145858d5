// What reads of one file of a mount have met.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The first damage that reads of a file met, and whether they found its source changed, for its `user.ova.state`. Any
/// thread may use it.
final class MetDamage: Sendable {
    private struct State {
        var damage: ReadError?
        var change: ReadError?
    }

    private let state = SleepingMutex(State())

    /// Takes note of the error of a read: of damage, and of a source that is another one by now, which it stays.
    func note(_ error: ReadError) {
        let isChange = if case .stale = error { true } else { false }
        guard isChange || error.isDamage else { return }
        state.withLock { state in
            if isChange { state.change = state.change ?? error } else { state.damage = state.damage ?? error }
        }
    }

    /// Takes note of an error that concerns all that is read from the same source.
    func noteChange(_ error: ReadError) {
        if case .stale = error { note(error) }
    }

    /// Words for it, and for the change that `other` met, which has the same source; nil where there was none.
    func words(with other: MetDamage? = nil) -> String? {
        let own = state.withLock { $0 }
        let words = [
            (own.change ?? other?.state.withLock { $0.change }).map { "changed: \($0)" },
            own.damage.map { "damaged: \($0)" },
        ].compactMap(\.self)
        return words.isEmpty ? nil : words.joined(separator: "; ")
    }
}
