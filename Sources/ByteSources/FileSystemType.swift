// Which file system a file is on.
// SPDX-License-Identifier: Apache-2.0

import CLinux

/// The kinds of file systems that matter here, by the magic numbers of <linux/magic.h>.
package enum FileSystemType {
    /// Whether what `descriptor` is open on is served by a program through FUSE.
    package static func isFuse(_ descriptor: CInt) -> Bool {
        ovafs_file_system_type(descriptor) == 0x6573_5546
    }

    /// Whether it lives in memory: tmpfs, ramfs, hugetlbfs.
    static func isMemory(_ descriptor: CInt) -> Bool {
        [0x0102_1994, 0x8584_58f6, 0x9584_58f6].contains(ovafs_file_system_type(descriptor))
    }
}
