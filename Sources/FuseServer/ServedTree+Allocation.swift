// How much data files have, for st_blocks: counted by threads that may wait, where that takes time.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import Glibc
import Synchronization

extension ServedTree {
    /// The data of a file, in bytes. Where it is not counted yet and counting has to wait for the source, that begins now,
    /// and the answer is a guess that allows for data and for holes.
    func allocated(of node: Node, as inode: UInt64) -> (byteCount: UInt64, isCounted: Bool) {
        guard let count = node.attributes.countAllocated else { return (node.byteCount, true) }
        do throws(ReadError) {
            return (try Patience.decodes.during { () throws(ReadError) in try count() }, true)
        } catch {
            beginCounting(node, as: inode, count)
            return (max(512, node.byteCount / 2), false)
        }
    }

    /// The data of all files that are listed, in blocks of 4 KiB; of folders that come and go, what is stored of them.
    func storedBlockCount() -> fsblkcnt_t {
        if let catalogue {
            return catalogue.list.folders.reduce(0) { $0 &+ fsblkcnt_t($1.byteCount / 4096) }
        }
        return fsblkcnt_t(tree.listedByteCount { allocated(of: $0, as: $0.inode).byteCount } / 4096)
    }

    private func beginCounting(_ node: Node, as inode: UInt64, _ count: @escaping ByteCounting) {
        guard case .file(let source) = node.content,
            beingCounted.withLock({ $0.insert(inode).inserted })
        else { return }
        waiting.add(.file(FileRequest(inode: inode, source: source, operation: .count(count))))
    }
}
