// The callback that reads: from a node's source into the kernel.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CFuse
import FileTree
import Glibc

/// Answers FUSE_READ.
func readFile(
    _ request: fuse_req_t?, _ inode: fuse_ino_t, _ byteCount: Int, _ offset: off_t,
    _ file: UnsafeMutablePointer<fuse_file_info>?
) {
    guard let request = unsafe request else { return }
    let tree = unsafe served(request)
    let reply = unsafe Reply(to: request)
    guard !reply.isInterrupted else { return reply.failure(EINTR) }
    guard let start = UInt64(exactly: offset) else { return reply.failure(EINVAL) }
    switch tree.node(inode)?.content {
    case .file(let source):
        tree.serve(
            FileRequest(inode: inode, source: source, operation: .read(byteCount, at: start)), owing: reply)
    case .liveFile:
        guard let file = unsafe file, let text = unsafe tree.text(handle: file.pointee.fh) else {
            return reply.failure(EBADF)
        }
        reply.data(Array(text.dropFirst(Int(clamping: start)).prefix(byteCount)))
    case .directory:
        reply.failure(EISDIR)
    case .symbolicLink:
        reply.failure(EBADF)
    case nil:
        reply.failure(tree.catalogue == nil ? EBADF : ESTALE)
    }
}
