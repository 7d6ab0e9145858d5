// Tests of what a disk is copied to: files that come to be, names that are taken, pipes.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Appliance

@Suite("Outputs of copies")
struct OutputTests {
    private static func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    private static func makeFifo(_ path: FilePath) throws {
        let result = unsafe path.withPlatformString { unsafe mkfifo($0, 0o600) }
        try #require(result == 0)
    }

    private static func names(in folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    @Test(
        "a finished file gets its name by each means that a file system may have, and replaces nothing",
        arguments: FinalName.Means.allCases)
    func finalName(means: FinalName.Means) throws {
        try Self.withFolder { folder in
            let partial = folder.appending(path: "x.partial")
            let url = folder.appending(path: "x")
            try Data("new".utf8).write(to: partial)
            try FinalName.give(
                FilePath(url.path), to: FilePath(partial.path), overwrites: false, by: [means])
            #expect(try Self.names(in: folder) == ["x"])
            #expect(try Data(contentsOf: url) == Data("new".utf8))

            try Data("newer".utf8).write(to: partial)
            #expect(throws: CopyError.exists(FilePath(url.path))) {
                try FinalName.give(
                    FilePath(url.path), to: FilePath(partial.path), overwrites: false, by: [means])
            }
            #expect(try Data(contentsOf: url) == Data("new".utf8))
            #expect(try Self.names(in: folder) == ["x", "x.partial"])
        }
    }

    @Test("what is no longer a regular file is not replaced, even where files may be")
    func notReplaced() throws {
        try Self.withFolder { folder in
            let path = FilePath(folder.appending(path: "x").path)
            let output = try OutputFile(path: path, byteCount: 512, overwrites: true)
            try Self.makeFifo(path)
            #expect(throws: CopyError.self) { try output.finish() }
            output.discard()
            #expect(try Self.names(in: folder) == ["x"])
            #expect(try FileStatus.ofName(path).map { $0.st_mode & S_IFMT } == S_IFIFO)
        }
    }

    @Test(
        "what came to stand at the partial name is not given the disk's name, and not removed",
        arguments: [false, true])
    func partialReplaced(overwrites: Bool) throws {
        try Self.withFolder { folder in
            let path = FilePath(folder.appending(path: "x").path)
            let output = try OutputFile(path: path, byteCount: 512, overwrites: overwrites)
            let partial = folder.appending(path: "x.partial")
            try FileManager.default.removeItem(at: partial)
            try Data("other".utf8).write(to: partial)
            #expect(throws: CopyError.self) { try output.finish() }
            #expect(output.discard() == nil)
            #expect(try Self.names(in: folder) == ["x.partial"])
            #expect(try Data(contentsOf: partial) == Data("other".utf8))
        }
    }

    @Test(
        "what was written is removed from its folder wherever that was moved, and never from what replaced it"
    )
    func folderMoved() throws {
        try Self.withFolder { folder in
            let first = folder.appending(path: "first")
            let moved = folder.appending(path: "moved")
            let manager = FileManager.default
            try manager.createDirectory(at: first, withIntermediateDirectories: false)
            let output = try OutputFile(
                path: FilePath(first.appending(path: "x").path), byteCount: 512, overwrites: false)
            try manager.moveItem(at: first, to: moved)
            try manager.createDirectory(at: first, withIntermediateDirectories: false)
            try Data("other".utf8).write(to: first.appending(path: "x.partial"))
            #expect(throws: CopyError.self) { try output.finish() }
            #expect(output.discard() == nil)
            #expect(try Self.names(in: moved) == [])
            #expect(try Self.names(in: first) == ["x.partial"])
        }
    }

    @Test(
        "a file that another program has cut or lengthened is not given its name", arguments: [0, 100, 9_000])
    func lengthChanged(byteCount: off_t) throws {
        try Self.withFolder { folder in
            let path = FilePath(folder.appending(path: "x").path)
            let partial = folder.appending(path: "x.partial").path
            let output = try OutputFile(path: path, byteCount: 8_192, overwrites: false)
            let buffer = try CopyBuffer(byteCount: 4_096)
            try buffer.fill { $0.appendZeros(4_096) }
            try output.write(buffer, 0..<4_096, at: 0)
            try #require(unsafe truncate(partial, byteCount) == 0)
            // It would be as long as it has to be.
            #expect(throws: CopyError.self) { try output.write(buffer, 0..<4_096, at: 4_096) }
            #expect(throws: CopyError.self) { try output.finish() }
            output.discard()
            #expect(try Self.names(in: folder) == [])
        }
    }

    /// What can stand at a name and is no file of ours.
    enum Obstacle: CaseIterable {
        case fifo, hardLink, symbolicLink, danglingLink, directory

        func make(at url: URL, beside other: URL) throws {
            switch self {
            case .fifo: try OutputTests.makeFifo(FilePath(url.path))
            case .hardLink: try FileManager.default.linkItem(at: other, to: url)
            case .symbolicLink:
                try FileManager.default.createSymbolicLink(at: url, withDestinationURL: other)
            case .danglingLink:
                try FileManager.default.createSymbolicLink(
                    at: url, withDestinationURL: url.appendingPathExtension("absent"))
            case .directory:
                try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
            }
        }
    }

    @Test(
        "what is in the way of a partial file is neither written through nor waited for",
        arguments: Obstacle.allCases, [false, true])
    func partialInTheWay(obstacle: Obstacle, overwrites: Bool) throws {
        try Self.withFolder { folder in
            let other = folder.appending(path: "other")
            try Data("kept".utf8).write(to: other)
            let url = folder.appending(path: "x.raw.partial")
            try obstacle.make(at: url, beside: other)
            let before = try Self.names(in: folder)
            let path = FilePath(folder.appending(path: "x.raw").path)
            #expect(throws: CopyError.self) { try OutputTarget(at: path, overwrites: overwrites) }
            #expect(throws: CopyError.self) {
                try OutputFile(path: path, byteCount: 512, overwrites: overwrites)
            }
            #expect(try Data(contentsOf: other) == Data("kept".utf8))
            #expect(try Self.names(in: folder) == before)
        }
    }

    @Test("what is no file is no output, whether files may be replaced or not", arguments: Obstacle.allCases)
    func targetInTheWay(obstacle: Obstacle) throws {
        try Self.withFolder { folder in
            let other = folder.appending(path: "other")
            try Data("kept".utf8).write(to: other)
            let url = folder.appending(path: "x.raw")
            try obstacle.make(at: url, beside: other)
            for overwrites in [false, true] where obstacle != .hardLink || !overwrites {
                #expect(throws: CopyError.self) {
                    try OutputTarget(at: FilePath(url.path), overwrites: overwrites)
                }
            }
            #expect(try Data(contentsOf: other) == Data("kept".utf8))
        }
    }

    @Test("replacing a file that has another name leaves what the other name stands for")
    func hardLinkedTarget() throws {
        try Self.withFolder { folder in
            let other = folder.appending(path: "other")
            try Data("kept".utf8).write(to: other)
            let url = folder.appending(path: "x.raw")
            try FileManager.default.linkItem(at: other, to: url)
            let output = try OutputTarget(at: FilePath(url.path), overwrites: true)
                .open(byteCount: 512, overwrites: true)
            try output.finish(isDurable: false)
            #expect(try Data(contentsOf: other) == Data("kept".utf8))
            #expect(try Data(contentsOf: url) == Data(count: 512))
        }
    }

    @Test("the file that a disk is read from is not replaced by its copy")
    func ownSource() throws {
        try Self.withFolder { folder in
            let url = folder.appending(path: "x.raw")
            try Data("disk".utf8).write(to: url)
            let path = FilePath(url.path)
            #expect(throws: CopyError.self) {
                try OutputTarget(
                    at: path, overwrites: true, sources: [#require(FileNumber(at: path))])
            }
        }
    }

    @Test("character devices but /dev/null are refused", arguments: ["/dev/zero", "/dev/tty", "/dev/full"])
    func characterDevice(path: String) {
        #expect(throws: CopyError.self) { try OutputTarget(at: FilePath(path), overwrites: true) }
    }

    @Test("a file with the longest of names can be made, under a partial name that a folder takes")
    func longName() throws {
        try Self.withFolder { folder in
            let name = String(repeating: "x", count: 251) + ".raw"
            let path = FilePath(folder.appending(path: name).path)
            let output = try OutputFile(path: path, byteCount: 512, overwrites: false)
            #expect(try Self.names(in: folder)[0].hasSuffix(".partial"))
            try output.finish()
            #expect(try Self.names(in: folder) == [name])
        }
    }

    @Test("a file that was begun and is let go of leaves nothing")
    func forgotten() throws {
        try Self.withFolder { folder in
            _ = try OutputFile(
                path: FilePath(folder.appending(path: "x").path), byteCount: 512, overwrites: false)
            #expect(try Self.names(in: folder).isEmpty)
        }
    }

    @Test("threads that decode at once write to a pipe in the disk's order", arguments: [1, 2, 7])
    func stream(threadCount: Int) throws {
        var random = SeededRandom(seed: 3)
        let bytes = random.bytes((9 << 20) + 77)
        let ends = try FileDescriptor.pipe()
        let reader = PipeReader(ends.readEnd)
        let output = OutputStream(ends.writeEnd, named: "a pipe")
        try DiskCopy(of: MemorySource(bytes), to: output).run(threadCount: threadCount)
        try output.finish(isDurable: true)
        try ends.writeEnd.close()
        #expect(reader.wait() == bytes)
        #expect(output.discard() == nil)
    }

    @Test("a pipe whose reader has gone ends the copy, of all threads", arguments: [1, 4])
    func brokenPipe(threadCount: Int) throws {
        signal(SIGPIPE, SIG_IGN)
        let ends = try FileDescriptor.pipe()
        try ends.readEnd.close()
        defer { try? ends.writeEnd.close() }
        let output = OutputStream(ends.writeEnd, named: "a pipe")
        #expect(throws: CopyError.output(call: "write to a pipe", errno: EPIPE)) {
            try DiskCopy(of: ZeroSource(byteCount: 32 << 20), to: output).run(threadCount: threadCount)
        }
    }

    @Test("a disk that cannot be read ends a stream of all threads at that place")
    func brokenSource() throws {
        let source = FailingSource(ZeroSource(byteCount: 32 << 20), failingIn: (9 << 20)..<(9 << 20) + 1)
        let file = try FileDescriptor.open(FilePath("/dev/null"), .writeOnly)
        defer { try? file.close() }
        let output = OutputStream(file, named: "null")
        #expect(throws: CopyError.source(FailingSource.failure)) {
            try DiskCopy(of: source, to: output).run(threadCount: 4)
        }
        #expect(output.discard()?.contains("bytes only") == true)
    }
}

/// What was read from a pipe, once its other end was closed.
private final class PipeReader: Sendable {
    private let result: SleepingMutex<[UInt8]> = SleepingMutex([])
    private let thread: SleepingMutex<WorkerThread?> = SleepingMutex(nil)

    init(_ descriptor: FileDescriptor) {
        let started = try? WorkerThread { [self] in
            let handle = FileHandle(fileDescriptor: descriptor.rawValue, closeOnDealloc: true)
            let all = (try? handle.readToEnd()).flatMap { $0 } ?? Data()
            result.withLock { $0 = Array(all) }
        }
        thread.withLock { $0 = started }
    }

    func wait() -> [UInt8] {
        thread.withLock { $0 }?.join()
        return result.withLock { $0 }
    }
}
