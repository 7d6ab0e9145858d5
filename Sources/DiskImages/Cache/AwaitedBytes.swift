// How much was decoded, or is to be decoded, for readers who have not come yet.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A count of bytes that many threads keep together.
final class AwaitedBytes: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .relaxed) }

    func add(_ byteCount: Int) {
        count.add(byteCount, ordering: .relaxed)
    }
}
