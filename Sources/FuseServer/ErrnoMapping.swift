// Which errno the kernel gets for an error: the only place that decides it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc

extension ReadError {
    var errnoForKernel: CInt {
        switch self {
        case .system(_, let errno): errno
        case .corrupt, .unsupported: EIO
        case .stale: ESTALE
        }
    }
}
