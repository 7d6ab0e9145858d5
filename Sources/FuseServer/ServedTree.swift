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
    let waiting: WaitingReads
    /// How many threads of the loop are at a request that `serve` is for.
    let requestsUnderWay = Atomic<Int>(0)
    let log: Logger
    /// The files whose data is being counted, by inode.
    let beingCounted = Mutex<Set<UInt64>>([])

    /// The tree never changes: the kernel may keep what it knows for as long as it likes.
    static let validityInSeconds: Double = 86_400
    /// What `dd`, `cp` and `cat` take as a hint for the size of their reads, in bytes.
    private static let preferredReadByteCount = 1 << 20
    private static let mostErrorsRemembered = 1_000

    /// The texts of open live files, by file handle.
    private let openTexts = Mutex<(next: UInt64, texts: [UInt64: [UInt8]])>((1, [:]))
    private let loggedErrors = Mutex<(known: Set<String>, isSilent: Bool)>(([], false))

    init(tree: FileTree, options: SessionOptions, statistics: ServerStatistics, log: Logger) {
        self.tree = tree
        self.options = options
        self.statistics = statistics
        self.log = log
        waiting = WaitingReads(decoderCount: options.decoderCount, statistics: statistics)
    }

    func status(of node: Node) -> stat { attributes(of: node).status }

    /// A node's attributes, and how long the kernel may keep them, in seconds: not at all where a part is a guess.
    func attributes(of node: Node) -> (status: stat, validity: Double) {
        let allocated = allocated(of: node)
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
        status.st_blocks = blkcnt_t(clamping: (allocated.byteCount &+ 511) / 512)
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
        if case .liveFile = node.content { return (status, 0) }
        return (status, allocated.isCounted ? Self.validityInSeconds : 0)
    }

    func entry(for node: Node) -> fuse_entry_param {
        var entry = fuse_entry_param()
        entry.ino = node.inode
        (entry.attr, entry.attr_timeout) = attributes(of: node)
        entry.entry_timeout = Self.validityInSeconds
        return entry
    }

    /// What statfs(2) says: a file system that is full.
    func fileSystemStatus() -> statvfs {
        var status = statvfs()
        status.f_bsize = 4096
        status.f_frsize = 4096
        status.f_blocks = storedBlockCount()
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

    /// Tells the file of an error of a read, and logs it, once for each file and place; says once that it logs no
    /// more. The reader is not kept waiting: where the place cannot be found out now, the line goes without it.
    func note(_ error: ReadError, inode: UInt64, offset: UInt64, byteCount: Int = 0) {
        tree.node(inode)?.attributes.noteError?(error)
        let key = "\(inode) \(error)"
        let (isNew, isLast) = loggedErrors.withLock { state in
            guard !state.isSilent, !state.known.contains(key) else { return (false, false) }
            guard state.known.count < Self.mostErrorsRemembered else {
                state.isSilent = true
                return (false, true)
            }
            return (state.known.insert(key).inserted, false)
        }
        if isNew {
            let end = offset.addingReportingOverflow(UInt64(clamping: byteCount))
            let place =
                end.overflow
                ? nil
                : Patience.decodes.during {
                    tree.node(inode)?.attributes.placeOfError?(error, offset..<end.partialValue)
                }
            let location = place.map { ": \($0)" } ?? " at byte \(offset)"
            log.error("\(sourceName): \(name(of: inode))\(location): \(error)")
        } else if isLast {
            log.error(
                "\(sourceName): \(Self.mostErrorsRemembered) errors were logged; no more are from now on"
            )
        }
    }

    /// The source, for people.
    private var sourceName: String { String(decoding: options.sourceName, as: UTF8.self) }

    /// The file's path in the mount, for people.
    private func name(of inode: UInt64) -> String {
        let path = tree.path(of: inode)
        return path.isEmpty
            ? "inode \(inode)" : String(decoding: Array(path.joined(separator: [0x2f])), as: UTF8.self)
    }
}
