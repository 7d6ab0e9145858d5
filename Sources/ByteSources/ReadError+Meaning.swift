// What an error says of the bytes, and what of those who read them.
// SPDX-License-Identifier: Apache-2.0

import Glibc

extension ReadError {
    /// Whether the bytes were read and are wrong.
    package var isCorruption: Bool {
        switch self {
        case .corrupt, .refused: true
        case .system, .unsupported, .stale, .remote, .overBudget: false
        }
    }

    /// Whether it is the bytes' own: they are wrong, or a bad sector has them, which answers EIO. A copy of a table stands
    /// in for such bytes, and for no others.
    package var isOfTheBytes: Bool {
        switch self {
        case .system(_, let errno): errno == EIO
        case .corrupt, .refused: isCorruption
        case .unsupported, .stale, .remote, .overBudget: false
        }
    }

    /// Whether a place of the disk cannot be read however often it is tried, while others may: it is the bytes' own, or what
    /// they use is not read.
    package var isDamage: Bool {
        switch self {
        case .system, .corrupt, .refused: isOfTheBytes
        case .unsupported: true
        case .stale, .remote, .overBudget: false
        }
    }

    /// Whether the source is another one by now, or was not there in time: that is no verdict on what was opened, and all
    /// else that is in it fares the same.
    package var isLoss: Bool {
        switch self {
        case .stale, .remote: true
        case .system, .corrupt, .refused, .unsupported, .overBudget: false
        }
    }

    /// Whether opening ends with it: it says nothing of what is opened, and another attempt may do better. Memory that others
    /// may give back is such a thing as well, where they share it.
    package func endsOpening(sharing isShared: Bool) -> Bool {
        switch self {
        case .stale, .remote: true
        case .system(_, let errno): errno == EINTR
        case .overBudget: isShared
        case .corrupt, .refused, .unsupported: false
        }
    }

    /// Whether it says nothing about the bytes: another thread, or the same one later, may get them. What is of the bytes is
    /// never about the reader; of the rest, a source that was changed and memory that is spent are neither.
    package var isAboutTheReader: Bool {
        switch self {
        case .system(_, let errno): errno == EAGAIN || errno == EINTR
        case .remote: true
        case .corrupt, .refused, .unsupported, .stale, .overBudget: false
        }
    }
}
