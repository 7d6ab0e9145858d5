// A file tree in the kernel's terms: stat structures, permissions, lifetimes.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CFuse
import FileTree
import Glibc
import Logging
import Synchronization

/// What the callbacks of a session work on. Any thread may use it.
final class ServedTree: Sendable {
    let tree: FileTree
    let options: SessionOptions
    let statistics: ServerStatistics
    let lists = ObjectPool<GatherList>()
    let log: Logger
    /// The data of all files that are listed, in blocks of 4 KiB; counted when it is first asked for.
    private let storedBlockCount = Mutex<fsblkcnt_t?>(nil)

    /// The tree never changes: the kernel may keep what it knows for as long as it likes.
    static let validityInSeconds: Double = 86_400
    /// What `dd`, `cp` and `cat` take as a hint for the size of their reads, in bytes.
    private static let preferredReadByteCount = 1 << 20
    private static let mostErrorsRemembered = 1_000

    /// The texts of open live files, by file handle.
    private let openTexts = Mutex<(next: UInt64, texts: [UInt64: [UInt8]])>((1, [:]))
    private let loggedErrors = Mutex<Set<String>>([])

    init(tree: FileTree, options: SessionOptions, statistics: ServerStatistics, log: Logger) {
        self.tree = tree
        self.options = options
        self.statistics = statistics
        self.log = log
    }

    func status(of node: Node) -> stat {
        var status = stat()
        let byteCount = node.byteCount
        status.st_ino = ino_t(node.inode)
        status.st_uid = options.userID
        status.st_gid = options.groupID
        status.st_mtim.tv_sec = Int(node.attributes.modificationTime)
        status.st_ctim = status.st_mtim
        status.st_atim = status.st_mtim
        status.st_size = off_t(clamping: byteCount)
        status.st_blksize = blksize_t(Self.preferredReadByteCount)
        status.st_blocks = blkcnt_t(clamping: (node.allocatedByteCount &+ 511) / 512)
        switch node.content {
        case .directory(let directory):
            status.st_mode = S_IFDIR | (0o555 & ~options.umask)
            status.st_nlink = nlink_t(2 + directory.subdirectoryCount)
        case .file, .liveFile:
            status.st_mode = S_IFREG | (0o444 & ~options.umask)
            status.st_nlink = 1
        case .symbolicLink:
            status.st_mode = S_IFLNK | 0o777
            status.st_nlink = 1
        }
        return status
    }

    func entry(for node: Node) -> fuse_entry_param {
        var entry = fuse_entry_param()
        entry.ino = node.inode
        entry.attr = status(of: node)
        entry.attr_timeout = validity(of: node)
        entry.entry_timeout = Self.validityInSeconds
        return entry
    }

    /// How long the kernel may keep a node's attributes, in seconds.
    func validity(of node: Node) -> Double {
        if case .liveFile = node.content { 0 } else { Self.validityInSeconds }
    }

    /// What statfs(2) says: a file system that is full.
    func fileSystemStatus() -> statvfs {
        var status = statvfs()
        status.f_bsize = 4096
        status.f_frsize = 4096
        status.f_blocks = storedBlockCount.withLock { known in
            let count = known ?? fsblkcnt_t(tree.listedByteCount / 4096)
            known = count
            return count
        }
        status.f_files = fsfilcnt_t(tree.nodes.count)
        status.f_namemax = 1024
        status.f_flag = UInt(ST_RDONLY)
        return status
    }

    /// Keeps the text of a live file for as long as it is open.
    func open(text: [UInt8]) -> UInt64 {
        openTexts.withLock { state in
            let handle = state.next
            state.next += 1
            state.texts[handle] = text
            return handle
        }
    }

    func text(handle: UInt64) -> [UInt8]? {
        openTexts.withLock { $0.texts[handle] }
    }

    func close(handle: UInt64) {
        openTexts.withLock { $0.texts[handle] = nil }
    }

    /// Logs an error of a read, once for each inode and place.
    func note(_ error: ReadError, inode: UInt64, offset: UInt64) {
        let key = "\(inode) \(error)"
        let isNew = loggedErrors.withLock { known in
            known.count < Self.mostErrorsRemembered && known.insert(key).inserted
        }
        guard isNew else { return }
        log.error("read of inode \(inode) at byte \(offset): \(error)")
    }
}
