// Folders that a test adds, removes, and lets be opened.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import TestSupport

@testable import FuseServer

/// A catalogue made of closures.
final class TestCatalogue: FolderCatalogue {
    typealias Opening = @Sendable (_ name: String, _ attempt: Int) throws(FolderFailure) -> FileTree

    private struct State {
        var folders: [Folder] = []
        var lastNumber = Folder.firstNumber
        var attempts: [String: Int] = [:]
        var failure: FolderFailure?
        var listCount = 0
    }

    /// One tree that is open, for as long as it is.
    private final class Owner: Sendable {
        let ended: @Sendable () -> Void
        init(_ ended: @escaping @Sendable () -> Void) { self.ended = ended }
        deinit { ended() }
    }

    let listLifetime: Double
    let openingTimeLimit = 60.0
    private let state = SleepingMutex(State())
    private let live = SleepingMutex(0)
    private let opening: Opening
    private let listGate: Gate?

    /// - Parameters:
    ///   - names: of the first folders.
    ///   - listLifetime: how long a list is good, in seconds.
    ///   - listGate: what a list that is made anew waits for.
    ///   - opening: opens a folder, of which this is the attempt with that number.
    init(
        _ names: [String], listLifetime: Double = 3_600, listGate: Gate? = nil,
        opening: @escaping Opening = { name, _ throws(FolderFailure) in TestCatalogue.tree(name) }
    ) {
        self.listLifetime = listLifetime
        self.listGate = listGate
        self.opening = opening
        for name in names { add(name) }
    }

    /// A tree with a file that has `content`, a folder and a file in it, and a link.
    static func tree(_ content: String, source: (any ByteSource)? = nil) -> FileTree {
        var builder = FileTreeBuilder(directoryTime: 7, budget: OpeningBudget())
        let attributes = Attributes(modificationTime: 7)
        func path(_ text: String) -> [[UInt8]] { text.split(separator: "/").map { Array($0.utf8) } }
        builder.add(
            .file(source ?? MemorySource(Array(content.utf8))), at: path("file"), attributes: attributes,
            extendedAttributes: [ExtendedAttribute("user.ova.format") { "raw" }])
        builder.add(
            .file(MemorySource(Array("deep \(content)".utf8))), at: path("sub/deep"), attributes: attributes)
        builder.add(.symbolicLink(target: Array("sub/deep".utf8)), at: path("link"), attributes: attributes)
        return builder.build()
    }

    /// A root with nothing of its own but a control file.
    static let root = {
        var builder = FileTreeBuilder(directoryTime: 9, budget: OpeningBudget())
        builder.addDirectory([Array(".ova".utf8)], isListed: false)
        builder.add(
            .file(MemorySource(Array("{}".utf8))), at: [".ova", "stats.json"].map { Array($0.utf8) },
            attributes: Attributes(modificationTime: 9))
        return builder.build()
    }()

    func add(_ name: String) {
        state.withLock { state in
            let number = state.lastNumber
            state.lastNumber += 1
            state.folders.append(
                Folder(
                    number: number, name: Array(name.utf8), hiddenName: Array("id-\(name)".utf8),
                    byteCount: 12_345, modificationTime: 1_000
                ) { [ExtendedAttribute("user.ova.image-id") { "id-\(name)" }] })
        }
    }

    func remove(_ name: String) {
        state.withLock { $0.folders.removeAll { $0.name == Array(name.utf8) } }
    }

    /// Lists cannot be had from now on.
    func fail(_ failure: FolderFailure?) { state.withLock { $0.failure = failure } }

    /// How often a folder was opened, or that was tried.
    func attempts(_ name: String) -> Int { state.withLock { $0.attempts[name] ?? 0 } }

    /// Folders that are open.
    var liveCount: Int { live.withLock { $0 } }

    /// How often the folders were listed anew.
    var listCount: Int { state.withLock { $0.listCount } }

    var firstList: FolderList { state.withLock { FolderList($0.folders) } }

    func renewedList() throws(FolderFailure) -> FolderList {
        if let listGate { PatientRead.blocking { listGate.wait() } }
        return try state.withLock { state throws(FolderFailure) in
            state.listCount += 1
            if let failure = state.failure { throw failure }
            return FolderList(state.folders)
        }
    }

    func open(_ folder: Folder) throws(FolderFailure) -> OpenFolder {
        let name = String(decoding: folder.name, as: UTF8.self)
        let attempt = state.withLock { state in
            state.attempts[name, default: 0] += 1
            return state.attempts[name] ?? 0
        }
        let tree = try opening(name, attempt)
        live.withLock { $0 += 1 }
        return OpenFolder(tree, owner: Owner { [self] in live.withLock { $0 -= 1 } })
    }
}
