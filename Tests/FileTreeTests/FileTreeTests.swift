// Tests of trees: what is found by name and by number, and what is refused.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization
import Testing

@testable import FileTree

@Suite("A tree of files")
struct FileTreeTests {
    private static let attributes = Attributes(modificationTime: 7)

    private static func path(_ text: String) -> [[UInt8]] {
        text.split(separator: "/").map { Array($0.utf8) }
    }

    private static func file(_ byteCount: Int) -> Node.Content {
        .file(MemorySource(Array(repeating: 1, count: byteCount)))
    }

    @discardableResult
    private static func add(
        _ content: Node.Content, at path: String, to builder: inout FileTreeBuilder
    ) -> Bool {
        builder.add(content, at: Self.path(path), attributes: attributes)
    }

    @Test("directories on the way to a file are made, and each node is found by path and by inode")
    func lookup() throws {
        var builder = FileTreeBuilder(directoryTime: 9, budget: OpeningBudget())
        let addsFirst = Self.add(Self.file(3), at: "a/b/c", to: &builder)
        let addsSecond = Self.add(Self.file(5), at: "a/d", to: &builder)
        #expect(addsFirst && addsSecond)
        let tree = builder.build()
        let file = try #require(tree.node(at: Self.path("a/b/c")))
        #expect(file.byteCount == 3 && file.attributes.modificationTime == 7)
        let folder = try #require(tree.node(at: Self.path("a/b")))
        #expect(folder.attributes.modificationTime == 9 && folder.allocatedByteCount == 0)
        for node in tree.nodes { #expect(tree.node(node.inode)?.inode == node.inode) }
        #expect(Set(tree.nodes.map(\.inode)).count == tree.nodes.count)
        #expect(tree.child(of: folder.inode, named: Array("c".utf8))?.inode == file.inode)
        #expect(tree.node(at: [])?.inode == FileTree.rootInode)
    }

    @Test("what is not there is not found", arguments: ["x", "a/x", "a/b/c/d", "a/b/x/y"])
    func absent(path: String) {
        var builder = FileTreeBuilder(directoryTime: 0, budget: OpeningBudget())
        Self.add(Self.file(3), at: "a/b/c", to: &builder)
        let tree = builder.build()
        #expect(tree.node(at: Self.path(path)) == nil)
        #expect(!builder.contains(Self.path(path)))
        for inode in [0, UInt64(tree.nodes.count) + 1, .max] { #expect(tree.node(inode) == nil) }
        #expect(tree.child(of: .max, named: [1]) == nil)
    }

    @Test("a path that is taken is not given again, and a file is no directory")
    func taken() throws {
        var builder = FileTreeBuilder(directoryTime: 0, budget: OpeningBudget())
        Self.add(Self.file(3), at: "a/b", to: &builder)
        for path in ["a/b", "a", "a/b/c", ""] {
            let isAdded = Self.add(Self.file(9), at: path, to: &builder)
            #expect(!isAdded, "\(path)")
        }
        let fileBecomesDirectory = builder.addDirectory(Self.path("a/b"))
        let directoryStays = builder.addDirectory(Self.path("a"))
        #expect(!fileBecomesDirectory && directoryStays)
        let tree = builder.build()
        #expect(tree.nodes.count == 3)
        #expect(tree.node(at: Self.path("a/b"))?.byteCount == 3)
    }

    @Test("a directory that is not listed is entered by name, and what is in it is listed")
    func unlisted() throws {
        var builder = FileTreeBuilder(directoryTime: 0, budget: OpeningBudget())
        builder.addDirectory(Self.path(".hidden"), isListed: false)
        Self.add(Self.file(100), at: ".hidden/x", to: &builder)
        Self.add(Self.file(7), at: "y", to: &builder)
        let tree = builder.build()
        guard case .directory(let root)? = tree.node(at: [])?.content,
            case .directory(let hidden)? = tree.node(at: Self.path(".hidden"))?.content
        else {
            Issue.record("both are directories")
            return
        }
        #expect(root.listed.map(\.name) == [Array("y".utf8)])
        #expect(root.subdirectoryCount == 1)
        #expect(hidden.listed.map(\.name) == [Array("x".utf8)] && hidden.parent == FileTree.rootInode)
        #expect(tree.listedByteCount == 7)
    }

    @Test("entries are listed in the order in which they were added, names are any bytes")
    func order() throws {
        var builder = FileTreeBuilder(directoryTime: 0, budget: OpeningBudget())
        let names: [[UInt8]] = [[0xff, 0xfe], Array("b".utf8), Array("a".utf8), [0x0a], Array("..".utf8)]
        for name in names { builder.add(Self.file(1), at: [name], attributes: Self.attributes) }
        guard case .directory(let root)? = builder.build().node(at: [])?.content else { return }
        #expect(root.listed.map(\.name) == names)
    }

    @Test("a live file's length is that of its text now, a link's that of its target")
    func lengths() throws {
        var builder = FileTreeBuilder(directoryTime: 0, budget: OpeningBudget())
        Self.add(.liveFile { [1, 2, 3, 4] }, at: "live", to: &builder)
        Self.add(.symbolicLink(target: Array("../x".utf8)), at: "link", to: &builder)
        builder.add(
            .file(ZeroSource(byteCount: 1 << 40)), at: Self.path("sparse"),
            attributes: Attributes(modificationTime: 0, allocatedByteCount: 512))
        let tree = builder.build()
        #expect(tree.node(at: Self.path("live"))?.byteCount == 4)
        #expect(tree.node(at: Self.path("link"))?.byteCount == 4)
        #expect(tree.node(at: Self.path("sparse"))?.byteCount == 1 << 40)
        #expect(tree.node(at: Self.path("sparse"))?.allocatedByteCount == 512)
    }

    @Test("what a file has of data is counted when someone asks, and not before")
    func lazyAllocation() {
        let count = Atomic<Int>(0)
        var builder = FileTreeBuilder(directoryTime: 0, budget: OpeningBudget())
        builder.add(
            .file(ZeroSource(byteCount: 1 << 20)), at: Self.path("disk"),
            attributes: Attributes(modificationTime: 0) {
                count.add(1, ordering: .relaxed)
                return 4_096
            })
        let tree = builder.build()
        let node = tree.node(at: Self.path("disk"))
        #expect(node?.byteCount == 1 << 20 && count.load(ordering: .relaxed) == 0)
        #expect(node?.allocatedByteCount == 4_096 && count.load(ordering: .relaxed) == 1)
        #expect(tree.listedByteCount == 4_096)
    }

    @Test("twenty thousand entries in one directory are added in no time")
    func many() {
        var builder = FileTreeBuilder(directoryTime: 0, budget: OpeningBudget())
        for number in 0..<20_000 { Self.add(Self.file(0), at: "d/\(number)", to: &builder) }
        let tree = builder.build()
        #expect(tree.nodes.count == 20_002)
        #expect(tree.node(at: Self.path("d/19999")) != nil)
    }
}
