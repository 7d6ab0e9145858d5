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
    switch tree.tree.node(inode)?.content {
    case .file(let source):
        tree.read(source, of: inode, byteCount, at: start, answering: reply)
    case .liveFile:
        guard let file = unsafe file, let text = unsafe tree.text(handle: file.pointee.fh) else {
            return reply.failure(EBADF)
        }
        reply.data(Array(text.dropFirst(Int(clamping: start)).prefix(byteCount)))
    case .directory:
        reply.failure(EISDIR)
    case .symbolicLink, nil:
        reply.failure(EBADF)
    }
}

extension ServedTree {
    /// Answers with bytes `offset ..< offset + byteCount` of `source`, or as many as there are before its end.
    fileprivate func read(
        _ source: any ByteSource, of inode: UInt64, _ byteCount: Int, at offset: UInt64,
        answering reply: consuming Reply
    ) {
        // The only place that shortens a request to the file.
        let available = offset < source.byteCount ? source.byteCount - offset : 0
        let count = Int(min(UInt64(max(0, byteCount)), available))
        var owed: Reply? = consume reply
        do throws(ReadError) {
            try lists.withObject { list throws(ReadError) in
                list.reserve(count)
                // Behind the end of a file there is nothing to ask for.
                if count > 0 { try source.gather(count, at: offset, into: list) }
                owed.take()?.data(list)
            }
            statistics.countRead(byteCount: count)
        } catch {
            note(error, inode: inode, offset: offset)
            statistics.countFailedRead()
            owed.take()?.failure(error.errnoForKernel)
        }
    }
}
