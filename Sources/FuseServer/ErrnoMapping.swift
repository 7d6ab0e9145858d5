// Which errno the kernel gets for an error: the only place that decides it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import Glibc

extension ReadError {
    var errnoForKernel: CInt {
        switch self {
        // An errno of 0 would be an answer without bytes.
        case .system(_, let errno): errno > 0 ? errno : EIO
        case .corrupt, .refused, .unsupported, .remote, .overBudget: EIO
        case .stale: ESTALE
        }
    }
}

extension FolderFailure {
    var errnoForKernel: CInt {
        switch kind {
        case .unreadable, .overBudget: EIO
        case .refused: EACCES
        case .gone: ESTALE
        case .tooManyOpenFiles: EMFILE
        }
    }
}
