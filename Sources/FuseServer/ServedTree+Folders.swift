// Requests about the folders of a root that changes: answered at once, or put aside until the folder is open.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CFuse
import FileTree
import Glibc

extension ServedTree {
    /// What becomes of a request about a folder.
    private enum Outcome {
        case found(ServedCatalogue.Found)
        case folder(Folder)
        /// The directory is open; the number of its tree, 0 for the root.
        case opened(tree: UInt64)
        case absent
        /// The folder is no longer there.
        case gone
        /// It could not be opened just now.
        case failed(FolderFailure)
        /// It waits, and `work`, where there is one, is to be done first.
        case parked(work: FolderWork?)
    }

    /// Answers a request about a directory of a root that changes.
    func serve(_ request: FolderRequest, of catalogue: ServedCatalogue, owing reply: consuming Reply) {
        var owed: Reply? = consume reply
        let now = MonotonicClock.now
        var renews = false
        let outcome = catalogue.state.withLock { state -> Outcome in
            let number = OpenTrees.number(of: request.folder)
            if request.folder == FileTree.rootInode {
                let isOverdue = state.isOverdue(at: now)
                let isFound =
                    if case .lookUp(let name) = request.operation {
                        state.list.folder(named: name) != nil
                    } else { false }
                guard isOverdue, !isFound, !state.hasFailed else {
                    if isOverdue { renews = state.beginRenewing() }
                    return Self.outcome(of: request, inRoot: state.list)
                }
                if let reply = owed.take() { waiting.park(request, owing: reply) }
                return .parked(work: state.beginRenewing() ? .renew : nil)
            }
            guard number == 0 else {
                guard state.trees[number] != nil else { return .gone }
                return Self.outcome(
                    of: request, in: OpenTrees.local(request.folder), of: number, &state)
            }
            guard state.list.folder(request.folder) != nil else { return .gone }
            if let number = state.trees.number(ofFolder: request.folder) {
                return Self.outcome(of: request, in: FileTree.rootInode, of: number, &state)
            }
            if let failed = state.failures[request.folder], now < failed.until {
                return .failed(failed.failure)
            }
            if let reply = owed.take() { waiting.park(request, owing: reply) }
            return .parked(
                work: state.opening.insert(request.folder).inserted ? .open(request.folder) : nil)
        }
        if renews { begin(.renew, catalogue) }
        if case .parked(let work) = outcome {
            if let work { begin(work, catalogue) }
            return
        }
        if let reply = owed.take() { answer(request, with: outcome, of: catalogue, owing: reply) }
    }

    private static func outcome(of request: FolderRequest, inRoot list: FolderList) -> Outcome {
        switch request.operation {
        case .lookUp(let name): list.folder(named: name).map { .folder($0) } ?? .absent
        case .openDirectory: .opened(tree: 0)
        }
    }

    private static func outcome(
        of request: FolderRequest, in local: UInt64, of number: UInt64, _ state: inout ServedCatalogue.State
    ) -> Outcome {
        switch request.operation {
        case .lookUp(let name):
            return state.lookUp(name, in: local, of: number).map { .found($0) } ?? .absent
        case .openDirectory:
            state.trees.noteOpening(number)
            return .opened(tree: number)
        }
    }

    private func answer(
        _ request: FolderRequest, with outcome: Outcome, of catalogue: ServedCatalogue,
        owing reply: consuming Reply
    ) {
        switch outcome {
        case .found(let found):
            if !reply.entry(entry(for: found.node, as: found.inode)) { forget(found.inode, 1) }
        case .folder(let folder):
            _ = reply.entry(entry(for: folder, of: catalogue))
        case .opened(let tree):
            var file = fuse_file_info()
            file.fh = tree
            if unsafe !reply.opened(&file) { catalogue.noteClosing(ofTree: tree) }
        case .absent where request.folder != FileTree.rootInode:
            // Inode 0: the kernel may remember that there is nothing, as the folder never changes.
            var entry = fuse_entry_param()
            entry.entry_timeout = Self.validityInSeconds
            _ = reply.entry(entry)
        case .absent: reply.failure(ENOENT)
        case .failed(let failure): reply.failure(failure.errnoForKernel)
        case .gone, .parked: reply.failure(ESTALE)
        }
    }

    private func begin(_ work: FolderWork, _ catalogue: ServedCatalogue) {
        let limit = if case .open = work { catalogue.source.openingTimeLimit } else { Double.infinity }
        waiting.add(.work(work), until: MonotonicClock.now + limit)
    }

    /// Does work that others wait for; for threads that may wait.
    func perform(_ work: FolderWork) {
        guard let catalogue else { return }
        switch work {
        case .open(let number): open(number, of: catalogue)
        case .renew: renew(catalogue)
        case .tidy: tidy(catalogue)
        case .letGo(let folder): withExtendedLifetime(folder) {}
        }
    }

    private func renew(_ catalogue: ServedCatalogue) {
        var gone: [OpenFolder] = []
        let parked: [WaitingEntry]
        do throws(FolderFailure) {
            let list = try catalogue.source.renewedList()
            parked = catalogue.state.withLock { state in
                state.list = list
                state.renewalTime = MonotonicClock.now + catalogue.source.listLifetime
                state.isRenewing = false
                state.hasFailed = false
                gone = state.trees.removeAll(except: list)
                return waiting.takeParked(on: FileTree.rootInode)
            }
        } catch {
            noteFailure("the folders cannot be listed anew, and are those of before: \(error)")
            parked = catalogue.state.withLock { state in
                let pause = min(ServedCatalogue.retryInterval, catalogue.source.listLifetime)
                state.renewalTime = MonotonicClock.now + pause
                state.isRenewing = false
                state.hasFailed = true
                return waiting.takeParked(on: FileTree.rootInode)
            }
        }
        withExtendedLifetime(gone) {}
        for entry in parked {
            guard case .folder(let request) = entry.request, let reply = entry.reply.take() else { continue }
            let outcome = Self.outcome(of: request, inRoot: catalogue.list)
            answer(request, with: outcome, of: catalogue, owing: reply)
        }
    }

    private func open(_ number: UInt64, of catalogue: ServedCatalogue) {
        var failure: FolderFailure?
        var opened: OpenFolder?
        do throws(FolderFailure) {
            opened = try openFolder(number, of: catalogue)
        } catch {
            failure = error
        }
        let parked = catalogue.state.withLock { state in
            state.opening.remove(number)
            if let content = opened {
                if state.list.folder(number) == nil {
                    failure = FolderFailure(.gone, "it has gone while it was opened")
                } else if state.trees.add(content, of: number) == nil {
                    failure = FolderFailure(.unreadable, "there are no more inode numbers; mount anew")
                }
            }
            if let failure {
                let now = MonotonicClock.now
                state.failures = state.failures.filter { $0.value.until > now }
                state.failures[number] = (failure, now + ServedCatalogue.failureValidity)
            }
            return waiting.takeParked(on: number)
        }
        if let failure {
            let name = catalogue.folder(number).map { String(decoding: $0.name, as: UTF8.self) }
            noteFailure("\(name ?? "a folder that has gone"): \(failure)")
        }
        for entry in parked {
            guard case .folder(let request) = entry.request, let reply = entry.reply.take() else { continue }
            if let failure {
                reply.failure(failure.errnoForKernel)
            } else {
                serve(request, of: catalogue, owing: reply)
            }
        }
        if failure == nil { waiting.add(.work(.tidy)) }
    }

    private func openFolder(_ number: UInt64, of catalogue: ServedCatalogue) throws(FolderFailure)
        -> OpenFolder
    {
        guard let folder = catalogue.folder(number) else {
            throw FolderFailure(.gone, "it has gone before it was opened")
        }
        let mayOpen = { catalogue.state.withLock { $0.trees.count < OpenTrees.most } }
        if !mayOpen() { makeRoom(in: catalogue) { !mayOpen() } }
        guard mayOpen() else {
            throw FolderFailure(
                .tooManyOpenFiles, "\(OpenTrees.most) folders are in use, and no more can be: leave some")
        }
        do throws(FolderFailure) {
            return try catalogue.source.open(folder)
        } catch {
            guard error.kind == .overBudget else { throw error }
            makeRoom(in: catalogue) {
                catalogue.state.withLock { $0.idleLimit != nil || $0.trees.hasLeaving }
            }
            return try catalogue.source.open(folder)
        }
    }

    /// Has folders that no one uses closed, and waits a moment while that `lasts`. Another thread has the kernel forget them:
    /// the kernel may wait there for a request that waits for this opening.
    private func makeRoom(in catalogue: ServedCatalogue, while lasts: () -> Bool) {
        catalogue.state.withLock { $0.idleLimit = 0 }
        waiting.add(.work(.tidy))
        let deadline = MonotonicClock.now + Self.longestRetirement
        while MonotonicClock.now < deadline, lasts() { usleep(10_000) }
    }

    /// Closes trees without open files, those that were not used for longest first.
    private func tidy(_ catalogue: ServedCatalogue) {
        let (gone, leaving) = catalogue.state.withLock { state in
            defer { state.idleLimit = nil }
            return state.trees.retire(downTo: state.idleLimit ?? OpenTrees.mostIdle)
        }
        withExtendedLifetime(gone) {}
        for tree in leaving {
            guard case .directory(let root)? = tree.content.tree.node(FileTree.rootInode)?.content else {
                continue
            }
            notices.forget(Array(root.names), in: tree.folder) {
                catalogue.state.withLock { $0.trees.isLeaving(treeOf: tree.folder) }
            }
        }
    }
}
