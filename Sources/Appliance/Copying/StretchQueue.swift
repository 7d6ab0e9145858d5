// The stretches of a disk that several threads take in turn.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Hands out a disk in stretches, in order, and counts what is done.
final class StretchQueue: Sendable {
    /// One stretch, in bytes: a thread's buffer, and what is lost to imbalance at the end.
    static let stretchByteCount = 2 << 20

    private struct State {
        /// Where the next stretch starts.
        var position: UInt64 = 0
        var doneByteCount: UInt64 = 0
    }

    private let byteCount: UInt64
    private let state = SleepingMutex(State())

    init(byteCount: UInt64) {
        self.byteCount = byteCount
    }

    /// Bytes that have been dealt with so far, holes included.
    var doneByteCount: UInt64 { state.withLock { $0.doneByteCount } }

    /// The next stretch; nil at the end of the disk.
    func take() -> Range<UInt64>? {
        state.withLock { state in
            guard state.position < byteCount else { return nil }
            let start = state.position
            state.position += min(UInt64(Self.stretchByteCount), byteCount - start)
            return start..<state.position
        }
    }

    /// Takes note that a stretch is done.
    func finish(_ stretch: Range<UInt64>) {
        state.withLock { $0.doneByteCount += stretch.upperBound - stretch.lowerBound }
    }

    /// Leaves out what lies before `offset`, where all that has not been taken yet is a hole.
    func skipHole(upTo offset: UInt64) {
        state.withLock { state in
            guard offset > state.position else { return }
            state.doneByteCount += min(offset, byteCount) - state.position
            state.position = min(offset, byteCount)
        }
    }
}
