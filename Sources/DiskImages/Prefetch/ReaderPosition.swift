// How far a sequential reader has come, for those who decode ahead of it.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Where a reader is, in bytes of its disk. Threads that decode ahead look at it, since what a reader has passed before
/// they came to it is decoded for no one.
final class ReaderPosition: Sendable {
    private let offset: Atomic<UInt64>

    init(at offset: UInt64) {
        self.offset = Atomic(offset)
    }

    var value: UInt64 { offset.load(ordering: .relaxed) }

    func move(to offset: UInt64) {
        self.offset.store(offset, ordering: .relaxed)
    }
}
