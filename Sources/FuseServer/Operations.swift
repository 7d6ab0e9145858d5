// The callbacks that libfuse calls, on the threads of the session's loop: none of them may wait.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CFuse
import FileTree
import Glibc

/// The tree that a request is about.
func served(_ request: fuse_req_t) -> ServedTree {
    // SAFETY: the session was made with a `ServedTree` that outlives it.
    unsafe Unmanaged<ServedTree>.fromOpaque(fuse_req_userdata(request)).takeUnretainedValue()
}

/// Calls `body` with the request's answer, its tree and the node; answers an error where there is none.
private func withNode(
    _ request: fuse_req_t?, _ inode: fuse_ino_t, _ body: (consuming Reply, ServedTree, Node) -> Void
) {
    guard let request = unsafe request else { return }
    let tree = unsafe served(request)
    let reply = unsafe Reply(to: request)
    guard let node = tree.node(inode) else { return reply.failure(tree.errnoOfAbsence) }
    body(reply, tree, node)
}

/// The folder of a root that changes, where that is what a request is about.
func folder(_ request: fuse_req_t?, _ inode: fuse_ino_t) -> (ServedTree, ServedCatalogue, Folder)? {
    guard inode >= Folder.firstNumber, let request = unsafe request else { return nil }
    let tree = unsafe served(request)
    guard let catalogue = tree.catalogue, let folder = catalogue.folder(inode) else { return nil }
    return (tree, catalogue, folder)
}

/// The functions that libfuse is given.
func makeOperations() -> fuse_lowlevel_ops {
    var operations = fuse_lowlevel_ops()
    unsafe operations.`init` = prepareConnection
    unsafe operations.lookup = lookUp
    unsafe operations.forget = forget
    unsafe operations.getattr = getAttributes
    unsafe operations.readlink = readLink
    unsafe operations.open = openFile
    unsafe operations.read = readFile
    unsafe operations.release = releaseFile
    unsafe operations.lseek = seek
    unsafe operations.opendir = openDirectory
    unsafe operations.releasedir = releaseDirectory
    unsafe operations.readdir = readDirectory
    unsafe operations.readdirplus = readDirectoryPlus
    unsafe operations.statfs = fileSystemStatus
    unsafe operations.getxattr = getExtendedAttribute
    unsafe operations.listxattr = listExtendedAttributes
    return operations
}

private func prepareConnection(
    _ context: UnsafeMutableRawPointer?, _ connection: UnsafeMutablePointer<fuse_conn_info>?
) {
    guard let connection = unsafe connection else { return }
    // Attributes never change, so the kernel need not look for changes before it uses its pages.
    unsafe connection.pointee.want &= ~UInt32(FUSE_CAP_AUTO_INVAL_DATA)
    // A reader with O_DIRECT could not be interrupted, not even be killed: docs/decisions/0041-direct-reads.md.
    unsafe connection.pointee.want &= ~UInt32(FUSE_CAP_ASYNC_DIO)
    // Look-ups in one folder do not wait for each other, where one of them waits for a server.
    unsafe connection.pointee.want |= connection.pointee.capable & UInt32(FUSE_CAP_PARALLEL_DIROPS)
    // With so many reads under way through the page cache, the kernel holds back all others, those of what it has
    // already, too. When three quarters of them are, it stops reading ahead.
    unsafe connection.pointee.max_background = 1_024
    unsafe connection.pointee.congestion_threshold = 768
}

private func lookUp(_ request: fuse_req_t?, _ parent: fuse_ino_t, _ name: UnsafePointer<CChar>?) {
    guard let request = unsafe request else { return }
    let tree = unsafe served(request)
    let reply = unsafe Reply(to: request)
    guard let name = unsafe name else { return reply.failure(EINVAL) }
    let bytes = unsafe bytes(of: name)
    if parent < Folder.firstNumber || tree.catalogue == nil,
        let child = tree.tree.child(of: parent, named: bytes)
    {
        reply.entry(tree.entry(for: child, as: child.inode))
    } else if let catalogue = tree.catalogue,
        parent == FileTree.rootInode || parent >= Folder.firstNumber
    {
        tree.serve(
            FolderRequest(folder: parent, operation: .lookUp(name: bytes)), of: catalogue, owing: reply)
    } else {
        guard tree.tree.node(parent) != nil else { return reply.failure(ENOENT) }
        // Inode 0: the kernel may remember that there is nothing.
        var entry = fuse_entry_param()
        entry.entry_timeout = ServedTree.validityInSeconds
        reply.entry(entry)
    }
}

private func forget(_ request: fuse_req_t?, _ inode: fuse_ino_t, _ count: UInt64) {
    guard let request = unsafe request else { return }
    // Nodes live as long as the mount, or as the folder that they are in.
    unsafe served(request).forget(inode, count)
    unsafe fuse_reply_none(request)
}

private func getAttributes(
    _ request: fuse_req_t?, _ inode: fuse_ino_t, _ file: UnsafeMutablePointer<fuse_file_info>?
) {
    if let (tree, catalogue, folder) = unsafe folder(request, inode), let request = unsafe request {
        let reply = unsafe Reply(to: request)
        return reply.attributes(tree.status(of: folder), validFor: catalogue.validity)
    }
    unsafe withNode(request, inode) { reply, tree, node in
        let (status, validity) = tree.attributes(of: node, as: inode)
        reply.attributes(status, validFor: validity)
    }
}

private func readLink(_ request: fuse_req_t?, _ inode: fuse_ino_t) {
    unsafe withNode(request, inode) { reply, _, node in
        guard case .symbolicLink(let target) = node.content else { return reply.failure(EINVAL) }
        reply.link(target)
    }
}

private func openFile(
    _ request: fuse_req_t?, _ inode: fuse_ino_t, _ file: UnsafeMutablePointer<fuse_file_info>?
) {
    unsafe withNode(request, inode) { reply, tree, node in
        guard let file = unsafe file else { return reply.failure(EINVAL) }
        guard unsafe file.pointee.flags & O_ACCMODE == O_RDONLY else { return reply.failure(EROFS) }
        switch node.content {
        case .file(let source):
            tree.serve(FileRequest(inode: inode, source: source, operation: .open), owing: reply)
        case .liveFile(let render):
            unsafe file.pointee.fh = tree.open(text: render())
            unsafe file.pointee.direct_io = 1
            unsafe reply.opened(file)
        case .directory:
            reply.failure(EISDIR)
        case .symbolicLink:
            reply.failure(ELOOP)
        }
    }
}

private func releaseFile(
    _ request: fuse_req_t?, _ inode: fuse_ino_t, _ file: UnsafeMutablePointer<fuse_file_info>?
) {
    guard let request = unsafe request else { return }
    let tree = unsafe served(request)
    tree.catalogue?.noteClosing(of: inode)
    if case .liveFile? = tree.node(inode)?.content, let file = unsafe file {
        tree.close(handle: unsafe file.pointee.fh)
    }
    unsafe Reply(to: request).success()
}

private func seek(
    _ request: fuse_req_t?, _ inode: fuse_ino_t, _ offset: off_t, _ whence: CInt,
    _ file: UnsafeMutablePointer<fuse_file_info>?
) {
    unsafe withNode(request, inode) { reply, tree, node in
        guard case .file(let source) = node.content, let start = UInt64(exactly: offset),
            let region = Region(whence: whence)
        else { return reply.failure(EINVAL) }
        tree.serve(
            FileRequest(inode: inode, source: source, operation: .seek(region, from: start)), owing: reply)
    }
}

private func fileSystemStatus(_ request: fuse_req_t?, _ inode: fuse_ino_t) {
    unsafe withNode(request, inode) { reply, tree, _ in
        reply.fileSystem(tree.fileSystemStatus())
    }
}

/// The bytes of a C string, without the zero at its end.
func bytes(of name: UnsafePointer<CChar>) -> [UInt8] {
    unsafe Array(UnsafeRawBufferPointer(start: name, count: strlen(name)))
}

extension Region {
    /// From lseek(2)'s SEEK_DATA and SEEK_HOLE, which the C library shows to GNU programs only.
    fileprivate init?(whence: CInt) {
        switch whence {
        case 3: self = .data
        case 4: self = .hole
        default: return nil
        }
    }
}
