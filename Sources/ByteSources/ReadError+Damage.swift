// Which errors are damage.
// SPDX-License-Identifier: Apache-2.0

import Glibc

extension ReadError {
    /// Whether a place of the disk cannot be read, while others may.
    package var isDamage: Bool {
        switch self {
        case .system(_, let errno): errno == EIO
        case .stale, .remote, .overBudget: false
        default: true
        }
    }

    /// Whether the bytes are wrong, rather than unreadable for now.
    package var isCorruption: Bool {
        switch self {
        case .corrupt, .refused: true
        case .system, .unsupported, .stale, .remote, .overBudget: false
        }
    }

    /// Whether the bytes are there and cannot be had, or are wrong: a bad sector answers EIO.
    package var isOfTheBytes: Bool {
        if case .system(_, EIO) = self { true } else { isCorruption }
    }
}
