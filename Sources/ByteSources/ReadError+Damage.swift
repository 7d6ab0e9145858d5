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

    /// Whether the bytes are there and cannot be had, or are wrong.
    package var isOfTheBytes: Bool {
        switch self {
        case .system(_, let errno): errno == EIO
        case .corrupt: true
        default: false
        }
    }
}
