// An immutable tree of files: what a mount shows.
// SPDX-License-Identifier: Apache-2.0

/// Every node of a mount, by inode. The tree never changes, so any thread may use it without a lock.
package struct FileTree: Sendable {
    package static let rootInode: UInt64 = 1

    /// The node with inode `n` stands at `n - 1`.
    package let nodes: [Node]

    package func node(_ inode: UInt64) -> Node? {
        guard inode >= Self.rootInode, inode <= UInt64(nodes.count) else { return nil }
        return nodes[Int(inode - Self.rootInode)]
    }

    /// The node called `name` in the directory `inode`.
    package func child(of inode: UInt64, named name: [UInt8]) -> Node? {
        guard case .directory(let directory) = node(inode)?.content,
            let child = directory.inode(named: name)
        else { return nil }
        return node(child)
    }

    /// The data of the files that show up when the tree is listed, in bytes; what two files show is counted once.
    package var listedByteCount: UInt64 { listedByteCount(\.allocatedByteCount) }

    /// The same, where `byteCount` says what a node has.
    package func listedByteCount(_ byteCount: (Node) -> UInt64) -> UInt64 {
        var sum: UInt64 = 0
        var waiting = [Self.rootInode]
        while let inode = waiting.popLast() {
            guard let node = node(inode) else { continue }
            if !node.attributes.isCountedElsewhere { sum &+= byteCount(node) }
            guard case .directory(let directory) = node.content else { continue }
            waiting += directory.listed.map(\.inode)
        }
        return sum
    }

    /// The names that lead from the root to a node; empty for the root itself, and where there is no such node. It looks
    /// through the whole tree.
    package func path(of inode: UInt64) -> [[UInt8]] {
        var names: [[UInt8]] = []
        var current = inode
        while current != Self.rootInode, names.count < nodes.count {
            let step = nodes.lazy.compactMap { node -> (name: [UInt8], inode: UInt64)? in
                guard case .directory(let directory) = node.content else { return nil }
                return directory.name(of: current).map { ($0, node.inode) }
            }.first
            guard let step else { return [] }
            names.append(step.name)
            current = step.inode
        }
        return names.reversed()
    }

    /// The node at a path of names below the root.
    package func node(at path: [[UInt8]]) -> Node? {
        var current = node(Self.rootInode)
        for name in path {
            guard let directory = current else { return nil }
            current = child(of: directory.inode, named: name)
        }
        return current
    }
}
