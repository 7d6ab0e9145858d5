// Whether something is being opened still.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Ended by who opens, asked by those who decode: as long as it lasts, there is a bound to what is decoded, since whoever
/// waits for it did not ask for any of it.
package final class OpeningPhase: Sendable {
    private let ended = Atomic(false)

    package init() {}

    package var isOver: Bool { ended.load(ordering: .relaxed) }

    package func end() { ended.store(true, ordering: .relaxed) }
}
