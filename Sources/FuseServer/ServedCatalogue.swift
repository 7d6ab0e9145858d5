// The folders of a root that changes, and the trees of those that are open, in the kernel's terms.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree

/// What is known of the folders now. Any thread may use it; none waits for anything here.
final class ServedCatalogue: Sendable {
    struct State {
        var list: FolderList
        /// When the list is to be made anew, in seconds of the monotonic clock.
        var renewalTime: Double
        var isRenewing = false
        /// Whether the last attempt failed: then nobody waits for the next.
        var hasFailed = false
        var trees = OpenTrees()
        /// How many trees without open files are to stay, where that is fewer than always.
        var idleLimit: Int?
        /// Why folders could not be opened a moment ago, and until when that is the answer, in seconds of the monotonic clock:
        /// the kernel sends look-ups of one name one after the other, and the last of them would wait for as many attempts.
        var failures: [UInt64: (failure: FolderFailure, until: Double)] = [:]
        /// The folders that are being opened.
        var opening: Set<UInt64> = []
    }

    /// A node of an open folder.
    struct Found {
        let node: Node
        /// The inode number that programs see.
        let inode: UInt64
    }

    /// For so long a failed opening is the answer to those who come next, in seconds.
    static let failureValidity = 1.0
    /// Until a list is tried again that could not be had, in seconds.
    static let retryInterval = 10.0
    /// The shortest time for which the kernel may keep what it knows of a folder, in seconds.
    private static let shortestValidity = 1.0

    let source: any FolderCatalogue
    let state: SleepingMutex<State>

    init(_ source: any FolderCatalogue) {
        self.source = source
        state = SleepingMutex(
            State(list: source.firstList, renewalTime: MonotonicClock.now + source.listLifetime))
    }

    /// The node of an open folder with this inode number, which is none of the root's.
    func node(_ inode: UInt64) -> Node? {
        let number = OpenTrees.number(of: inode)
        let local = OpenTrees.local(inode)
        // The root of a tree has its folder's number.
        guard local != FileTree.rootInode else { return nil }
        return state.withLock { $0.trees[number]?.content.tree }?.node(local)
    }

    /// The folder with this inode number; nil where it is none, or has gone.
    func folder(_ inode: UInt64) -> Folder? {
        guard inode >= Folder.firstNumber, inode < Folder.numberLimit else { return nil }
        return state.withLock { $0.list.folder(inode) }
    }

    var list: FolderList { state.withLock { $0.list } }

    /// How long the kernel may keep what it knows of the root's folders, in seconds: until they are listed anew.
    var validity: Double {
        let time = state.withLock { $0.renewalTime }
        return max(Self.shortestValidity, min(source.listLifetime, time - MonotonicClock.now))
    }

    /// An open tree; nil where it is closed.
    func tree(_ number: UInt64) -> OpenTrees.Tree? { state.withLock { $0.trees[number] } }

    /// The kernel gets to know an inode by a listing.
    func noteLookup(of inode: UInt64) {
        state.withLock { $0.trees.noteLookup(OpenTrees.number(of: inode)) }
    }

    func noteOpening(of inode: UInt64) {
        state.withLock { $0.trees.noteOpening(OpenTrees.number(of: inode)) }
    }

    func noteClosing(of inode: UInt64) {
        state.withLock { $0.trees.noteClosing(OpenTrees.number(of: inode)) }
    }

    /// The listing of a folder is closed, whose tree had this number.
    func noteClosing(ofTree number: UInt64) {
        state.withLock { $0.trees.noteClosing(number) }
    }

    /// The kernel forgets an inode that was handed to it `count` times.
    /// - Returns: The tree where it goes with it, which takes its time: not for the lock, nor for a thread of the loop.
    func forget(_ inode: UInt64, _ count: UInt64) -> OpenFolder? {
        let number = OpenTrees.number(of: inode)
        guard number > 0 else { return nil }
        return state.withLock { $0.trees.forget(number, count) }
    }

    /// The path of a node in the mount, for people; nil where the folder has gone.
    func path(of inode: UInt64) -> [[UInt8]]? {
        if let folder = folder(inode) { return [folder.name] }
        let found = state.withLock { state in
            state.trees[OpenTrees.number(of: inode)].map { tree in
                (tree.content.tree, state.list.folder(tree.folder)?.name)
            }
        }
        guard let (tree, name) = found, let name else { return nil }
        return [name] + tree.path(of: OpenTrees.local(inode))
    }
}

extension ServedCatalogue.State {
    /// Whether the list is older than it may be.
    func isOverdue(at now: Double) -> Bool { now >= renewalTime }

    /// Takes the making of a new list; false where another has.
    mutating func beginRenewing() -> Bool {
        defer { isRenewing = true }
        return !isRenewing
    }

    /// Finds `name` in the directory `local` of the tree `number`, and takes note that the kernel gets to know it.
    mutating func lookUp(_ name: [UInt8], in local: UInt64, of number: UInt64) -> ServedCatalogue.Found? {
        guard let tree = trees[number], let child = tree.content.tree.child(of: local, named: name) else {
            return nil
        }
        trees.noteLookup(number)
        return ServedCatalogue.Found(
            node: child, inode: OpenTrees.inode(child.inode, in: number, of: tree.folder))
    }
}
