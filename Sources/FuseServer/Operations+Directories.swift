// The callbacks that list a directory.
// SPDX-License-Identifier: Apache-2.0

import CFuse
import FileTree
import Glibc

/// Answers FUSE_OPENDIR.
func openDirectory(
    _ request: fuse_req_t?, _ inode: fuse_ino_t, _ file: UnsafeMutablePointer<fuse_file_info>?
) {
    guard let request = unsafe request else { return }
    let reply = unsafe Reply(to: request)
    guard let file = unsafe file else { return reply.failure(EINVAL) }
    // The kernel may keep the listing from one opendir(3) to the next.
    unsafe file.pointee.keep_cache = 1
    unsafe file.pointee.cache_readdir = 1
    unsafe reply.opened(file)
}

/// Answers FUSE_READDIR.
func readDirectory(
    _ request: fuse_req_t?, _ inode: fuse_ino_t, _ byteCount: Int, _ offset: off_t,
    _ file: UnsafeMutablePointer<fuse_file_info>?
) {
    unsafe list(request, inode, byteCount, from: offset) { request, tree, room, name, node, next in
        var status = tree.status(of: node)
        return unsafe fuse_add_direntry(request, room.baseAddress, room.count, name, &status, next)
    }
}

/// Answers FUSE_READDIRPLUS.
func readDirectoryPlus(
    _ request: fuse_req_t?, _ inode: fuse_ino_t, _ byteCount: Int, _ offset: off_t,
    _ file: UnsafeMutablePointer<fuse_file_info>?
) {
    unsafe list(request, inode, byteCount, from: offset) { request, tree, room, name, node, next in
        var entry = tree.entry(for: node)
        return unsafe fuse_add_direntry_plus(request, room.baseAddress, room.count, name, &entry, next)
    }
}

/// Writes one entry into the room that is left; the result is the room that it needs, in bytes.
private typealias EntryWriter = (
    _ request: fuse_req_t, _ tree: ServedTree, _ room: UnsafeMutableBufferPointer<CChar>,
    _ name: UnsafePointer<CChar>, _ node: Node, _ next: off_t
) -> Int

/// Answers with as many entries as there is room for, from number `offset` on: `.`, `..`, then the listed ones.
private func list(
    _ request: fuse_req_t?, _ inode: fuse_ino_t, _ byteCount: Int, from offset: off_t, _ write: EntryWriter
) {
    guard let request = unsafe request else { return }
    let tree = unsafe served(request)
    let reply = unsafe Reply(to: request)
    guard case .directory(let directory) = tree.tree.node(inode)?.content else {
        return reply.failure(ENOTDIR)
    }
    let first = Int(clamping: offset)
    guard first >= 0, byteCount > 0 else { return reply.failure(EINVAL) }
    var listing = [CChar](repeating: 0, count: min(byteCount, 1 << 20))
    var used = 0
    for index in first..<max(first, directory.listed.count + 2) {
        let (name, child) = directory.entry(index, inode: inode)
        guard let node = tree.tree.node(child) else { continue }
        // SAFETY: the writer writes only where the entry fits the room that it is told of.
        let needed = unsafe listing.withUnsafeMutableBufferPointer { buffer in
            let room = unsafe UnsafeMutableBufferPointer(rebasing: buffer[used...])
            return unsafe (name + [0]).withUnsafeBytes { name in
                guard let start = name.baseAddress else { return 0 }
                return unsafe write(
                    request, tree, room, start.assumingMemoryBound(to: CChar.self), node, off_t(index + 1))
            }
        }
        guard needed <= listing.count - used else { break }
        used += needed
    }
    reply.data(listing.prefix(used).map { UInt8(bitPattern: $0) })
}

extension Directory {
    /// Entry number `index` as readdir(3) counts them: `.`, `..`, then the listed ones.
    fileprivate func entry(_ index: Int, inode: UInt64) -> (name: [UInt8], inode: UInt64) {
        switch index {
        case 0: (Array(".".utf8), inode)
        case 1: (Array("..".utf8), parent)
        default: (listed[index - 2].name, listed[index - 2].inode)
        }
    }
}
