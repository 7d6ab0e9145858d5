// The tree of files by itself.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree

/// Takes the bytes as lines: a kind, and a path. Whatever was added has to be found again, and nothing else.
enum TreeTarget {
    static func run(_ bytes: [UInt8]) {
        var builder = FileTreeBuilder(directoryTime: 0, budget: OpeningBudget(byteLimit: 1 << 20))
        var added: [[[UInt8]]] = []
        for line in bytes.split(separator: 0x0a).prefix(5_000) {
            let path = line.dropFirst().split(separator: UInt8(ascii: "/")).prefix(300).map(Array.init)
            let attributes = Attributes(modificationTime: Int64(line.count))
            let isAdded =
                switch line.first {
                case UInt8(ascii: "d"): builder.addDirectory(path, isListed: path.count.isMultiple(of: 2))
                case UInt8(ascii: "l"):
                    builder.add(.symbolicLink(target: Array(line)), at: path, attributes: attributes)
                default: builder.add(.file(MemorySource(Array(line))), at: path, attributes: attributes)
                }
            if isAdded { added.append(path) }
        }
        let tree = builder.build()
        for path in added { precondition(tree.node(at: path) != nil, "what was added is not there") }
        var seen: Set<UInt64> = [FileTree.rootInode]
        var waiting = [FileTree.rootInode]
        while let inode = waiting.popLast() {
            guard case .directory(let directory)? = tree.node(inode)?.content else { continue }
            for entry in directory.listed {
                precondition(seen.insert(entry.inode).inserted, "a node is in the tree twice")
                waiting.append(entry.inode)
            }
        }
        _ = tree.listedByteCount
        for inode in [0, UInt64(tree.nodes.count) + 1, .max] { precondition(tree.node(inode) == nil) }
    }
}
