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
    let tree = unsafe served(request)
    let reply = unsafe Reply(to: request)
    guard let file = unsafe file else { return reply.failure(EINVAL) }
    if let catalogue = tree.catalogue, isOfCatalogue(inode) {
        return tree.serve(
            FolderRequest(folder: inode, operation: .openDirectory), of: catalogue, owing: reply)
    }
    // The kernel may keep the listing from one opendir(3) to the next.
    unsafe file.pointee.keep_cache = 1
    unsafe file.pointee.cache_readdir = 1
    unsafe reply.opened(file)
}

/// Answers FUSE_RELEASEDIR.
func releaseDirectory(
    _ request: fuse_req_t?, _ inode: fuse_ino_t, _ file: UnsafeMutablePointer<fuse_file_info>?
) {
    guard let request = unsafe request else { return }
    if let file = unsafe file, inode != FileTree.rootInode, isOfCatalogue(inode) {
        unsafe served(request).catalogue?.noteClosing(ofTree: file.pointee.fh)
    }
    unsafe Reply(to: request).success()
}

/// Whether this is the root, or one of its folders, where these come and go.
private func isOfCatalogue(_ inode: fuse_ino_t) -> Bool {
    inode == FileTree.rootInode || (Folder.firstNumber..<Folder.numberLimit).contains(inode)
}

/// Answers FUSE_READDIR.
func readDirectory(
    _ request: fuse_req_t?, _ inode: fuse_ino_t, _ byteCount: Int, _ offset: off_t,
    _ file: UnsafeMutablePointer<fuse_file_info>?
) {
    unsafe list(request, inode, byteCount, from: offset, file, countsLookups: false) {
        request, tree, room, name, child, next in
        var status = tree.status(of: child)
        return unsafe fuse_add_direntry(request, room.baseAddress, room.count, name, &status, next)
    }
}

/// Answers FUSE_READDIRPLUS.
func readDirectoryPlus(
    _ request: fuse_req_t?, _ inode: fuse_ino_t, _ byteCount: Int, _ offset: off_t,
    _ file: UnsafeMutablePointer<fuse_file_info>?
) {
    unsafe list(request, inode, byteCount, from: offset, file, countsLookups: true) {
        request, tree, room, name, child, next in
        var entry = tree.entry(for: child)
        return unsafe fuse_add_direntry_plus(request, room.baseAddress, room.count, name, &entry, next)
    }
}

/// Writes one entry into the room that is left; the result is the room that it needs, in bytes.
private typealias EntryWriter = (
    _ request: fuse_req_t, _ tree: ServedTree, _ room: UnsafeMutableBufferPointer<CChar>,
    _ name: UnsafePointer<CChar>, _ child: ListedEntry.Child, _ next: off_t
) -> Int

/// Answers with as many entries as there is room for, from the position `offset` on.
private func list(
    _ request: fuse_req_t?, _ inode: fuse_ino_t, _ byteCount: Int, from offset: off_t,
    _ file: UnsafeMutablePointer<fuse_file_info>?, countsLookups: Bool, _ write: EntryWriter
) {
    guard let request = unsafe request else { return }
    let tree = unsafe served(request)
    let reply = unsafe Reply(to: request)
    let number = isOfCatalogue(inode) ? unsafe file?.pointee.fh ?? 0 : 0
    guard let first = UInt64(exactly: offset), byteCount > 0 else { return reply.failure(EINVAL) }
    let listing: DirectoryListing
    switch tree.listing(of: inode, tree: number) {
    case .success(let found): listing = found
    case .failure(let error): return reply.failure(error.rawValue)
    }
    var bytes = [CChar](repeating: 0, count: min(byteCount, 1 << 20))
    var used = 0
    var handedOut: [UInt64] = []
    for entry in listing.entries(from: first) {
        // SAFETY: the writer writes only where the entry fits the room that it is told of.
        let needed = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
            let room = unsafe UnsafeMutableBufferPointer(rebasing: buffer[used...])
            return unsafe (entry.name + [0]).withUnsafeBytes { name in
                guard let start = name.baseAddress else { return 0 }
                return unsafe write(
                    request, tree, room, start.assumingMemoryBound(to: CChar.self), entry.child,
                    off_t(clamping: entry.next))
            }
        }
        guard needed <= bytes.count - used else { break }
        used += needed
        if countsLookups, entry.isHandedOut { handedOut.append(entry.child.inode) }
    }
    // Before the kernel can forget them.
    if let catalogue = tree.catalogue { for inode in handedOut { catalogue.noteLookup(of: inode) } }
    let isTaken = reply.data(bytes.prefix(used).map { UInt8(bitPattern: $0) })
    if !isTaken { for inode in handedOut { tree.forget(inode, 1) } }
}
