// The callbacks that read extended attributes.
// SPDX-License-Identifier: Apache-2.0

import CFuse
import FileTree
import Glibc

/// Answers FUSE_GETXATTR.
func getExtendedAttribute(
    _ request: fuse_req_t?, _ inode: fuse_ino_t, _ name: UnsafePointer<CChar>?, _ byteCount: Int
) {
    unsafe answer(request, inode, byteCount) { attributes in
        guard let name = unsafe name else { return nil }
        let wanted = unsafe String(decoding: bytes(of: name), as: UTF8.self)
        return attributes.first { $0.name == wanted }?.value().map { Array($0.utf8) }
    }
}

/// Answers FUSE_LISTXATTR.
func listExtendedAttributes(_ request: fuse_req_t?, _ inode: fuse_ino_t, _ byteCount: Int) {
    unsafe answer(request, inode, byteCount) { attributes in
        attributes.filter { $0.value() != nil }.flatMap { Array($0.name.utf8) + [0] }
    }
}

/// Answers with a value, or with its length where the one who asks gives no room.
private func answer(
    _ request: fuse_req_t?, _ inode: fuse_ino_t, _ byteCount: Int, _ value: ([ExtendedAttribute]) -> [UInt8]?
) {
    guard let request = unsafe request else { return }
    let tree = unsafe served(request)
    let reply = unsafe Reply(to: request)
    let attributes =
        unsafe folder(request, inode).map { $0.2.extendedAttributes() }
        ?? tree.node(inode)?.extendedAttributes
    guard let attributes else { return reply.failure(tree.errnoOfAbsence) }
    guard let value = value(attributes) else { return reply.failure(ENODATA) }
    if byteCount == 0 {
        reply.extendedAttribute(byteCount: value.count)
    } else if byteCount < value.count {
        reply.failure(ERANGE)
    } else {
        reply.data(value)
    }
}
