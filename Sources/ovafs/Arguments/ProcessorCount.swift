// How many processors there are to decode on.
// SPDX-License-Identifier: Apache-2.0

import Glibc

enum ProcessorCount {
    /// The processors that are online; at least 1.
    static var current: Int { max(1, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN)))) }
}
