// A file system that the test itself serves, whose files answer when the test lets them.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import Foundation
import FuseServer
import Logging
import TestSupport

/// A folder with one file, on a file system of its own. `end` unmounts it, and is to be called whatever happens.
final class GatedFolder {
    let point: String
    let gate = Gate()
    private let thread: WorkerThread

    func callAsFunction(_ name: String) -> String { point + "/" + name }

    /// Serves the file at `path`, under its own name, with the bytes of `source` where there is one; the gate is open.
    ///
    /// - Throws: when the file cannot be read, or the mount does not come about.
    init(of path: String, in folder: TestFolder, as source: (any ByteSource)? = nil) throws {
        point = try folder.makeFolder("gated")
        gate.open()
        let url = URL(fileURLWithPath: path)
        var builder = FileTreeBuilder(directoryTime: 0, budget: OpeningBudget())
        let content: any ByteSource = try source ?? MemorySource(Array(Data(contentsOf: url)))
        builder.add(
            .file(GatedSource(content, gate)),
            at: [Array(url.lastPathComponent.utf8)], attributes: Attributes(modificationTime: 0))
        var log = Logger(label: "gated")
        log.logLevel = .critical
        // Each read reaches the gate.
        var options = SessionOptions(sourceName: Array("gated".utf8), userID: getuid(), groupID: getgid())
        options.cacheMode = .none
        let server = FuseServer(
            tree: builder.build(), options: options, statistics: ServerStatistics(), log: log)
        let directory = point
        thread = try WorkerThread { try? server.serve(at: Array(directory.utf8)) {} }
        let file = point + "/" + url.lastPathComponent
        try wait(for: "the gated folder") { FileManager.default.fileExists(atPath: file) }
    }

    /// Opens the gate, unmounts and waits for the server's thread.
    func end() {
        gate.open()
        for _ in 0..<100 {
            guard (try? EndToEndTests.unmount(point)) == nil else { break }
            usleep(20_000)
        }
        // Where it is in use all the same, the test's folder reports the mount that is left.
        thread.join(until: MonotonicClock.now + 10)
    }
}
