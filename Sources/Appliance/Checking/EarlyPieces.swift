// Bytes of members that were served before those in front of them, kept until those have been hashed.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization

/// What several readers of several members read too early to be hashed. The kernel's read-ahead comes in mixed order;
/// reading a piece once more to hash it would say nothing of the bytes that were served. There is a bound to all
/// pieces together: where they are too many, the oldest ones are forgotten, and their member stays unchecked.
final class EarlyPieces: Sendable {
    /// A part of a member.
    struct Piece: Sendable {
        let memberIndex: Int
        /// In bytes, from the start of the member.
        let offset: UInt64
        let bytes: [UInt8]

        var end: UInt64 { offset + UInt64(bytes.count) }
    }

    /// What all pieces may take, in bytes.
    static let byteLimit = 16 << 20
    static let maximumCount = 512

    private let pieces = SleepingMutex<[Piece]>([])
    /// So that a reader who reads in order takes no lock.
    private let count = Atomic<Int>(0)

    func keep(_ piece: Piece) {
        guard piece.bytes.count <= Self.byteLimit else { return }
        pieces.withLock { pieces in
            var byteCount = pieces.reduce(piece.bytes.count) { $0 + $1.bytes.count }
            while byteCount > Self.byteLimit || pieces.count >= Self.maximumCount {
                byteCount -= pieces.removeFirst().bytes.count
            }
            pieces.append(piece)
            count.store(pieces.count, ordering: .releasing)
        }
    }

    /// Takes out the piece of a member that goes on at `offset`; nil where there is none. Those that end before are of
    /// no use any more.
    func take(ofMember memberIndex: Int, at offset: UInt64) -> Piece? {
        guard count.load(ordering: .acquiring) > 0 else { return nil }
        return pieces.withLock { pieces in
            pieces.removeAll { $0.memberIndex == memberIndex && $0.end <= offset }
            let found = pieces.firstIndex { $0.memberIndex == memberIndex && $0.offset <= offset }
            let piece = found.map { pieces.remove(at: $0) }
            count.store(pieces.count, ordering: .releasing)
            return piece
        }
    }
}
