// What a directory lists, in its order, from any position on.
// SPDX-License-Identifier: Apache-2.0

import CFuse
import FileTree
import Glibc

/// An entry, as readdir(3) gives it.
struct ListedEntry {
    enum Child {
        case node(Node, inode: UInt64)
        case folder(Folder)

        /// The inode number that programs see.
        var inode: UInt64 {
            switch self {
            case .node(_, let inode): inode
            case .folder(let folder): folder.number
            }
        }
    }

    let name: [UInt8]
    let child: Child
    /// The position behind it.
    let next: UInt64
    /// Whether the kernel gets to know it by the listing: all but `.` and `..`.
    let isHandedOut: Bool
}

/// A directory of a tree, and what stands behind it where it is a root whose folders come and go. Positions are numbers of
/// entries in the tree's own part, and inode numbers among folders, so that they mean the same whatever comes and goes.
struct DirectoryListing {
    let own: Node
    let directory: Directory
    let tree: FileTree
    /// The directory's inode number as programs see it, its parent's, and the number of its tree.
    let inode: UInt64
    let parent: UInt64
    let number: UInt64
    /// The inode number of the tree's root.
    let root: UInt64
    /// Nil but for a root whose folders come and go.
    let folders: FolderList?

    /// The entries from a position on, made as they are asked for: `.`, `..`, the listed ones, the folders.
    func entries(from position: UInt64) -> some Sequence<ListedEntry> {
        let count = directory.listed.count + 2
        let first = Int(clamping: position)
        let ownEntries = (first..<max(first, count)).lazy.compactMap { entry($0) }
        let rest = folders?.folders(from: position) ?? []
        let folderEntries = rest.lazy.map { folder in
            ListedEntry(
                name: folder.name, child: .folder(folder), next: folder.number + 1, isHandedOut: true)
        }
        return AnySequence([AnySequence(ownEntries), AnySequence(folderEntries)].joined())
    }

    private func entry(_ index: Int) -> ListedEntry? {
        let next = UInt64(index) + 1
        switch index {
        case 0:
            return ListedEntry(
                name: Array(".".utf8), child: .node(own, inode: inode), next: next, isHandedOut: false)
        case 1:
            // Of a parent, a listing tells the number and that it is a directory.
            return ListedEntry(
                name: Array("..".utf8), child: .node(own, inode: parent), next: next, isHandedOut: false)
        default:
            let listed = directory.listed[index - 2]
            return tree.node(listed.inode).map { child in
                ListedEntry(
                    name: listed.name,
                    child: .node(child, inode: OpenTrees.inode(listed.inode, in: number, of: root)),
                    next: next, isHandedOut: true)
            }
        }
    }
}

/// An errno, as an error.
struct ErrorNumber: Error {
    let rawValue: CInt
}

extension ServedTree {
    /// What the directory `inode` lists. `number` is the number of the tree that a folder had when it was opened.
    func listing(of inode: UInt64, tree number: UInt64) -> Result<DirectoryListing, ErrorNumber> {
        var number = number
        var content = tree
        var root = FileTree.rootInode
        var local = inode
        if let catalogue, inode >= Folder.firstNumber {
            if inode < Folder.numberLimit {
                local = FileTree.rootInode
            } else {
                number = OpenTrees.number(of: inode)
                local = OpenTrees.local(inode)
            }
            guard let open = catalogue.tree(number) else { return .failure(ErrorNumber(rawValue: ESTALE)) }
            content = open.content.tree
            root = open.folder
        }
        guard let node = content.node(local), case .directory(let directory) = node.content else {
            return .failure(ErrorNumber(rawValue: ENOTDIR))
        }
        let parent =
            local == FileTree.rootInode
            ? FileTree.rootInode : OpenTrees.inode(directory.parent, in: number, of: root)
        return .success(
            DirectoryListing(
                own: node, directory: directory, tree: content, inode: inode, parent: parent,
                number: number, root: root,
                folders: inode == FileTree.rootInode ? catalogue?.list : nil))
    }

    func entry(for child: ListedEntry.Child) -> fuse_entry_param {
        switch child {
        case .node(let node, let inode): return entry(for: node, as: inode)
        case .folder(let folder):
            guard let catalogue else { return fuse_entry_param() }
            return entry(for: folder, of: catalogue)
        }
    }

    func status(of child: ListedEntry.Child) -> stat {
        switch child {
        case .node(let node, let inode): attributes(of: node, as: inode).status
        case .folder(let folder): status(of: folder)
        }
    }
}
