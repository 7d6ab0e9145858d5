// A bound for the memory of large clusters that are decoded at the same time.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Room for what is decoded at the same time: many readers may each wait for a cluster of 64 MiB, and the stored form of
/// each is as large. Whoever finds none waits until someone is done.
final class DecodingRoom: Sendable {
    private let byteLimit: Int
    private let used = Monitor(0)

    /// Room for `byteLimit` bytes; one cluster has room however large it is.
    init(byteLimit: Int) {
        self.byteLimit = byteLimit
    }

    /// Calls `body` when there is room for `byteCount` bytes. May wait as long as others decode.
    func withRoom<Result>(
        for byteCount: Int, _ body: () throws(ReadError) -> Result
    ) throws(ReadError) -> Result {
        PatientRead.blocking { take(byteCount) }
        defer { giveBack(byteCount) }
        return try body()
    }

    private func take(_ byteCount: Int) {
        used.withLock(
            waitingWhile: { $0 > 0 && $0 + byteCount > byteLimit },
            { $0 += byteCount })
    }

    private func giveBack(_ byteCount: Int) {
        used.withLock { $0 -= byteCount }
        used.wake()
    }
}
