// Folders that come and go, in the kernel's terms.
// SPDX-License-Identifier: Apache-2.0

import CFuse
import FileTree
import Glibc

extension ServedTree {
    /// What stat(2) says of a folder: nothing that is known only once it is open. One link: how many folders are in it is
    /// not known.
    func status(of folder: Folder) -> stat {
        var status = status(
            of: folder.number, byteCount: folder.byteCount, modificationTime: folder.modificationTime)
        status.st_mode = S_IFDIR | (0o555 & ~options.umask)
        status.st_nlink = 1
        return status
    }

    func entry(for folder: Folder, of catalogue: ServedCatalogue) -> fuse_entry_param {
        var entry = fuse_entry_param()
        entry.ino = folder.number
        entry.attr = status(of: folder)
        entry.attr_timeout = catalogue.validity
        entry.entry_timeout = entry.attr_timeout
        return entry
    }

    /// The kernel forgets an inode that was handed to it `count` times.
    func forget(_ inode: UInt64, _ count: UInt64) {
        guard let gone = catalogue?.forget(inode, count) else { return }
        waiting.add(.work(.letGo(gone)))
    }
}
