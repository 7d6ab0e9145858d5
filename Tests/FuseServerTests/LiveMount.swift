// A tree that is mounted for a test, and unmounted whatever happens.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import Foundation
import Logging
import Synchronization

@testable import FuseServer

/// A real mount. It is gone, and its threads have ended, when `end` has returned.
final class LiveMount {
    let folder: String
    let statistics = ServerStatistics()
    private let thread: WorkerThread
    private let outcome: Outcome

    private final class Outcome: Sendable {
        let isUsable = Atomic<Bool>(false)
        let failure = Mutex<String?>(nil)
        let hasEnded = Atomic<Bool>(false)
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Runs `body` on a mount of `tree`, and of the folders of `catalogue` in its root.
    static func with<Result>(
        _ tree: FileTree, catalogue: (any FolderCatalogue)? = nil,
        _ change: (inout SessionOptions) -> Void = { _ in },
        _ body: (LiveMount) throws -> Result
    ) throws -> Result {
        var options = SessionOptions(sourceName: Array("a,b\\c".utf8), userID: getuid(), groupID: getgid())
        options.threadCount = 4
        change(&options)
        let mount = try LiveMount(tree, catalogue, options)
        do {
            let result = try body(mount)
            try mount.end()
            return result
        } catch {
            try? mount.end()
            throw error
        }
    }

    private init(_ tree: FileTree, _ catalogue: (any FolderCatalogue)?, _ options: SessionOptions) throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "ovafs-mount-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        folder = url.path
        var log = Logger(label: "test")
        log.logLevel = .critical
        let server = FuseServer(
            tree: tree, catalogue: catalogue, options: options, statistics: statistics, log: log)
        let outcome = Outcome()
        self.outcome = outcome
        let path = folder
        thread = try WorkerThread {
            do throws(MountError) {
                try server.serve(at: Array(path.utf8)) {
                    outcome.isUsable.store(true, ordering: .sequentiallyConsistent)
                }
            } catch {
                outcome.failure.withLock { $0 = error.description }
            }
            outcome.hasEnded.store(true, ordering: .sequentiallyConsistent)
        }
        for _ in 0..<10_000 where !isUsable && !hasEnded { usleep(1_000) }
        guard isUsable else {
            let reason = outcome.failure.withLock { $0 } ?? "the mount does not become usable"
            try? end()
            throw Failure(description: reason)
        }
    }

    private var isUsable: Bool { outcome.isUsable.load(ordering: .sequentiallyConsistent) }
    private var hasEnded: Bool { outcome.hasEnded.load(ordering: .sequentiallyConsistent) }

    /// Unmounts, waits for the server's thread, and removes the folder.
    private func end() throws {
        for _ in 0..<200 where !hasEnded {
            if unsafe umount2(folder, 0) != 0, errno == EPERM { try fusermount() }
            usleep(20_000)
        }
        // Last: whoever still has a file open shall not keep the test from ending.
        if !hasEnded { _ = unsafe umount2(folder, CInt(MNT_DETACH)) }
        thread.join()
        _ = unsafe rmdir(folder)
        if let reason = outcome.failure.withLock({ $0 }) { throw Failure(description: reason) }
    }

    /// Waits for the session's end, which someone else brings about.
    func waitForEnd() throws {
        for _ in 0..<2_000 where !hasEnded { usleep(10_000) }
        guard hasEnded else { throw Failure(description: "the session does not end") }
    }

    private func fusermount() throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["fusermount3", "-u", folder]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
    }

    func path(_ name: String) -> String { folder + "/" + name }

    /// Bytes of a file, or the error number of what fails: open or read.
    func read(_ name: String, _ count: Int, at offset: Int = 0, flags: CInt = O_RDONLY) -> ReadResult {
        let descriptor = unsafe open(path(name), flags)
        guard descriptor >= 0 else { return .failure(errno) }
        defer { close(descriptor) }
        // Direct I/O wants its memory aligned.
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, count), alignment: 4096)
        defer { unsafe memory.deallocate() }
        let length = unsafe pread(descriptor, memory.baseAddress, count, off_t(offset))
        guard length >= 0 else { return .failure(errno) }
        return .bytes(unsafe Array(memory[..<length]))
    }

    /// O_DIRECT of open(2), which the C library shows to GNU programs only.
    #if arch(arm64)
        static let direct: CInt = 0o200000
    #else
        static let direct: CInt = 0o40000
    #endif

    enum ReadResult: Equatable {
        case bytes([UInt8])
        case failure(CInt)
    }
}
