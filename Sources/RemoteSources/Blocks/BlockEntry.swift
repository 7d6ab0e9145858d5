// What is known of one block of a remote object.
// SPDX-License-Identifier: Apache-2.0

/// A block that is not absent.
struct BlockEntry {
    enum State: Equatable {
        /// Someone wants it, and no one brings it yet.
        case wanted
        /// A transfer brings it.
        case arriving(transfer: UInt64)
        /// All of its bytes are in memory.
        case here
    }

    var state = State.wanted
    /// Whether someone asked for it, rather than for its neighbours.
    var isDemanded: Bool
    /// Nil while it is wanted and nothing of it has come.
    var buffer: BlockBuffer?
    /// How many of its first bytes have come, of those that may be kept when a transfer breaks.
    var filledByteCount = 0
    /// Whether the transfer that brings it has come to it.
    var hasBegun = false
    var waiters: [BlockWaiter] = []
    /// Those who read it right now: it stays.
    var pinCount = 0
    /// Whether anyone has read it.
    var wasRead = false
    /// Whether anyone has since the clock came by.
    var isRecent = false
    /// Whether its memory counts as taken ahead.
    var isAhead = false

    init(isDemanded: Bool) {
        self.isDemanded = isDemanded
    }

    var mayBeEvicted: Bool { state == .here && pinCount == 0 }
}
