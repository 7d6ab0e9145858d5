// The trees of folders that are open, and who uses them: a value that knows neither threads nor kernel.
// SPDX-License-Identifier: Apache-2.0

import FileTree

/// Open folders by the numbers of their trees. The inode numbers of a tree begin with its number, which is never given again;
/// the root of a tree has the inode number of its folder.
struct OpenTrees {
    struct Tree {
        let content: OpenFolder
        /// The inode number of the folder.
        let folder: UInt64
        /// What the kernel knows of it: so many times its inodes were handed out.
        fileprivate var lookupCount: UInt64 = 0
        /// Files and listings that are open.
        fileprivate var openCount: UInt64 = 0
        fileprivate var lastUse: UInt64 = 0
        /// Whether the kernel was asked to forget it.
        fileprivate var isLeaving = false

        fileprivate init(_ content: OpenFolder, of folder: UInt64) {
            self.content = content
            self.folder = folder
        }
    }

    /// Trees that stay though no file of them is open.
    static let mostIdle = 16
    /// Trees at once.
    static let most = 1_024

    private var trees: [UInt64: Tree] = [:]
    private var numbers: [UInt64: UInt64] = [:]
    private var lastNumber: UInt64 = 0
    private var clock: UInt64 = 0

    var count: Int { trees.count }

    /// The number of the tree that an inode number belongs to; 0 for what is in the root.
    static func number(of inode: UInt64) -> UInt64 { inode >> 32 }
    /// An inode number within its tree.
    static func local(_ inode: UInt64) -> UInt64 { inode & 0xffff_ffff }

    /// The inode number that programs see of the node `local` in the tree `number`, whose folder is `folder`.
    static func inode(_ local: UInt64, in number: UInt64, of folder: UInt64) -> UInt64 {
        local == FileTree.rootInode ? folder : number << 32 | local
    }

    subscript(number: UInt64) -> Tree? { trees[number] }

    /// The number of the folder's tree; nil where it is not open.
    func number(ofFolder folder: UInt64) -> UInt64? { numbers[folder] }

    /// Adds the tree of a folder that has none.
    /// - Returns: Its number; nil where there are no more numbers, or inodes, than there may be.
    mutating func add(_ content: OpenFolder, of folder: UInt64) -> UInt64? {
        guard lastNumber < UInt64(UInt32.max), content.tree.nodes.count < Int(UInt32.max) else { return nil }
        lastNumber += 1
        trees[lastNumber] = Tree(content, of: folder)
        numbers[folder] = lastNumber
        use(lastNumber)
        return lastNumber
    }

    /// Takes note that an inode of a tree is handed to the kernel.
    mutating func noteLookup(_ number: UInt64) {
        trees[number]?.lookupCount += 1
        use(number)
    }

    mutating func noteOpening(_ number: UInt64) {
        trees[number]?.openCount += 1
        use(number)
    }

    mutating func noteClosing(_ number: UInt64) {
        guard let count = trees[number]?.openCount, count > 0 else { return }
        trees[number]?.openCount = count - 1
    }

    /// The kernel forgets inodes of a tree that were handed to it `count` times.
    /// - Returns: The tree where it goes with them.
    mutating func forget(_ number: UInt64, _ count: UInt64) -> OpenFolder? {
        guard let known = trees[number]?.lookupCount else { return nil }
        trees[number]?.lookupCount = known - min(known, count)
        guard let tree = trees[number], tree.isLeaving, tree.lookupCount == 0, tree.openCount == 0 else {
            return nil
        }
        return remove(number)
    }

    /// Takes out the trees of folders that are not in `list` any more.
    mutating func removeAll(except list: FolderList) -> [OpenFolder] {
        trees.filter { list.folder($0.value.folder) == nil }.keys.compactMap { remove($0) }
    }

    /// Has those without open files that were not used for longest go, until `limit` are left of them.
    /// - Returns: The trees that went, and those that the kernel has to forget first.
    mutating func retire(downTo limit: Int = mostIdle) -> (gone: [OpenFolder], leaving: [Tree]) {
        let idle = trees.filter { $0.value.openCount == 0 }.sorted { $0.value.lastUse < $1.value.lastUse }
        var gone: [OpenFolder] = []
        var leaving: [Tree] = []
        for (number, tree) in idle.prefix(max(0, idle.count - limit)) {
            if tree.lookupCount == 0 {
                if let content = remove(number) { gone.append(content) }
            } else {
                trees[number]?.isLeaving = true
                leaving.append(tree)
            }
        }
        return (gone, leaving)
    }

    /// Whether the tree of a folder is to go, and no one uses it again.
    func isLeaving(treeOf folder: UInt64) -> Bool {
        numbers[folder].flatMap { trees[$0] }?.isLeaving ?? false
    }

    /// Whether there are trees that the kernel has not forgotten yet.
    var hasLeaving: Bool { trees.values.contains { $0.isLeaving } }

    private mutating func use(_ number: UInt64) {
        clock += 1
        trees[number]?.lastUse = clock
        trees[number]?.isLeaving = false
    }

    private mutating func remove(_ number: UInt64) -> OpenFolder? {
        guard let tree = trees.removeValue(forKey: number) else { return nil }
        numbers[tree.folder] = nil
        return tree.content
    }
}
