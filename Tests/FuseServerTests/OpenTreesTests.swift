// Tests of which trees stay open: by their users, by their number, and by what the kernel still knows.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import Testing

@testable import FuseServer

@Suite("The trees that are open")
struct OpenTreesTests {
    private static func content() -> OpenFolder {
        var builder = FileTreeBuilder(directoryTime: 0, budget: OpeningBudget())
        builder.addDirectory([Array("sub".utf8)])
        return OpenFolder(builder.build())
    }

    private static func folder(_ number: Int) -> UInt64 { Folder.firstNumber + UInt64(number) }

    @Test("a number is never given twice, and leads to the tree and its folder")
    func numbers() throws {
        var trees = OpenTrees()
        let added = trees.add(Self.content(), of: Self.folder(0))
        let first = try #require(added)
        #expect(trees.number(ofFolder: Self.folder(0)) == first && first > 0)
        let gone = trees.removeAll(except: FolderList([]))
        #expect(gone.count == 1 && trees[first] == nil && trees.number(ofFolder: Self.folder(0)) == nil)
        let second = trees.add(Self.content(), of: Self.folder(0))
        #expect(second == first + 1)
        let inode = OpenTrees.inode(7, in: 3, of: Self.folder(0))
        #expect(OpenTrees.number(of: inode) == 3 && OpenTrees.local(inode) == 7)
        #expect(OpenTrees.inode(FileTree.rootInode, in: 3, of: Self.folder(0)) == Self.folder(0))
        #expect(OpenTrees.number(of: FileTree.rootInode) == 0)
    }

    @Test("those that were not used for longest go first; open files keep theirs")
    func retirement() {
        var trees = OpenTrees()
        let numbers = (0..<20).compactMap { trees.add(Self.content(), of: Self.folder($0)) }
        trees.noteOpening(numbers[0])
        trees.noteOpening(numbers[1])
        trees.noteClosing(numbers[1])
        // A look at one makes it the last to go.
        trees.noteLookup(numbers[2])
        _ = trees.forget(numbers[2], 1)
        let (gone, leaving) = trees.retire()
        #expect(gone.count == 3 && leaving.isEmpty && trees.count == 17)
        #expect(trees[numbers[0]] != nil && trees[numbers[1]] != nil && trees[numbers[2]] != nil)
        #expect(trees[numbers[3]] == nil && trees[numbers[5]] == nil && trees[numbers[6]] != nil)
        let isEnough = trees.retire().gone.isEmpty
        #expect(isEnough)
    }

    @Test("one that the kernel knows goes when it has forgotten all of it, unless it is used again")
    func forgetting() throws {
        var trees = OpenTrees()
        let added = trees.add(Self.content(), of: Self.folder(0))
        let number = try #require(added)
        for _ in 0..<3 { trees.noteLookup(number) }
        let (gone, leaving) = trees.retire(downTo: 0)
        #expect(gone.isEmpty && leaving.map(\.folder) == [Self.folder(0)] && trees.hasLeaving)
        let isKept = trees.forget(number, 2) == nil
        #expect(isKept)
        trees.noteLookup(number)
        #expect(!trees.hasLeaving)
        // It is used again, so it stays, though nothing of it is known.
        let isStillKept = trees.forget(number, 2) == nil
        #expect(isStillKept && trees[number] != nil)
        let retired = trees.retire(downTo: 0).gone.count
        #expect(retired == 1)
        // What is said of one that is closed, or was never open, changes nothing.
        let isNothing = trees.forget(number, 5) == nil
        trees.noteClosing(number)
        trees.noteLookup(99)
        #expect(isNothing && trees.count == 0)
    }
}

@Suite("The requests that wait for the work of others")
struct ParkedRequestsTests {
    @Test("each is taken out once: by its folder, by itself, or with all")
    func parked() {
        var parked = ParkedRequests()
        for id in 1...6 { parked.add(WaitingQueue.ID(id), on: UInt64(id % 2)) }
        let isFirst = parked.remove(3)
        let isAgain = parked.remove(3)
        #expect(isFirst && !isAgain)
        let (ofFolder, again) = (parked.removeAll(on: 1), parked.removeAll(on: 1))
        #expect(ofFolder == [1, 5] && again.isEmpty)
        let (rest, none) = (parked.removeAll(), parked.removeAll())
        #expect(rest == [2, 4, 6] && none.isEmpty)
    }
}
