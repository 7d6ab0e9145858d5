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
    /// The tree, or what does not change in a root whose folders do.
    let tree: FileTree
    /// The folders that come and go; nil where none do.
    let catalogue: ServedCatalogue?
    let notices = KernelNotices()
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
    /// How long is waited for memory of folders that no one uses, in seconds.
    static let longestRetirement = 2.0

    /// The texts of open live files, by file handle.
    private let openTexts = Mutex<(next: UInt64, texts: [UInt64: [UInt8]])>((1, [:]))
    private let loggedErrors = NotedLines()

    init(
        tree: FileTree, catalogue: (any FolderCatalogue)? = nil, options: SessionOptions,
        statistics: ServerStatistics, log: Logger
    ) {
        self.tree = tree
        self.catalogue = catalogue.map { ServedCatalogue($0) }
        self.options = options
        self.statistics = statistics
        self.log = log
        waiting = WaitingReads(decoderCount: options.decoderCount, statistics: statistics)
    }

    /// The node with this inode number, as programs see it; nil where there is none, and for a folder that comes and goes.
    func node(_ inode: UInt64) -> Node? {
        guard let catalogue, inode >= Folder.numberLimit else { return tree.node(inode) }
        return catalogue.node(inode)
    }

    /// What a request gets that is about something which is not there: for folders that come and go, it was.
    var errnoOfAbsence: CInt { catalogue == nil ? ENOENT : ESTALE }

    /// The attributes of a node that programs see as `inode`, and how long the kernel may keep them, in seconds: not at all
    /// where a part is a guess.
    func attributes(of node: Node, as inode: UInt64) -> (status: stat, validity: Double) {
        let allocated = allocated(of: node, as: inode)
        let byteCount = node.byteCount
        var status = status(
            of: inode, byteCount: byteCount, modificationTime: node.attributes.modificationTime)
        status.st_blocks = blkcnt_t(clamping: (allocated.byteCount &+ 511) / 512)
        switch node.content {
        case .directory(let directory):
            status.st_mode = S_IFDIR | (0o555 & ~options.umask)
            status.st_nlink = nlink_t(2 + directory.subdirectoryCount)
            if let catalogue, inode == FileTree.rootInode {
                status.st_nlink += nlink_t(catalogue.list.folders.count)
                return (status, catalogue.validity)
            }
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

    func entry(for node: Node, as inode: UInt64) -> fuse_entry_param {
        var entry = fuse_entry_param()
        entry.ino = inode
        (entry.attr, entry.attr_timeout) = attributes(of: node, as: inode)
        entry.entry_timeout = Self.validityInSeconds
        return entry
    }

    /// What all kinds of nodes have, and no kind.
    func status(of inode: UInt64, byteCount: UInt64, modificationTime: Int64) -> stat {
        var status = stat()
        status.st_ino = ino_t(inode)
        status.st_uid = options.userID
        status.st_gid = options.groupID
        status.st_mtim.tv_sec = Int(modificationTime)
        status.st_ctim = status.st_mtim
        status.st_atim = status.st_mtim
        status.st_size = off_t(clamping: byteCount)
        status.st_blksize = blksize_t(Self.preferredReadByteCount)
        return status
    }

    /// What statfs(2) says: a file system that is full.
    func fileSystemStatus() -> statvfs {
        var status = statvfs()
        status.f_bsize = 4096
        status.f_frsize = 4096
        status.f_blocks = storedBlockCount()
        status.f_files = fsfilcnt_t(tree.nodes.count + (catalogue?.list.folders.count ?? 0))
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
        node(inode)?.attributes.noteError?(error)
        if isNew("\(inode) \(error)") {
            let end = offset.addingReportingOverflow(UInt64(clamping: byteCount))
            let place =
                end.overflow
                ? nil
                : Patience.decodes.during {
                    node(inode)?.attributes.placeOfError?(error, offset..<end.partialValue)
                }
            let location = place.map { ": \($0)" } ?? " at byte \(offset)"
            log.error("\(logPrefix)\(name(of: inode))\(location): \(error)")
        }
    }

    /// Logs why something of the root's folders cannot be had, once for each reason.
    func noteFailure(_ text: String) {
        if isNew(text) { log.error("\(logPrefix)\(text)") }
    }

    /// Whether an error was not logged lately; says once that no more are for a while.
    private func isNew(_ key: String) -> Bool {
        let answer = loggedErrors.note(key)
        if answer == .isOneTooMany {
            log.error(
                "\(logPrefix)\(NotedLines.most) errors were logged within an hour; no more are until it is over"
            )
        }
        return answer == .isNew
    }

    /// The source, for people, at the start of a line.
    private var logPrefix: String {
        let name = String(decoding: options.sourceName, as: UTF8.self)
        return name.hasSuffix(":") ? name + " " : name + ": "
    }

    /// The file's path in the mount, for people.
    private func name(of inode: UInt64) -> String {
        let path = catalogue?.path(of: inode) ?? tree.path(of: inode)
        return path.isEmpty
            ? "inode \(inode)" : String(decoding: Array(path.joined(separator: [0x2f])), as: UTF8.self)
    }
}
