// Tests of local files: what makes one stale, what does not, and what is no file.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import ByteSources

/// A folder for one test, removed with all that is in it.
private final class Scratch {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    /// Writes a file whose last modification was long ago, so that any change moves it.
    func write(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: folder.appending(path: name))
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1_000_000)], ofItemAtPath: path(name))
    }

    func open(_ name: String) throws(ReadError) -> LocalFile { try LocalFile(path: FilePath(path(name))) }
}

@Suite("Local files")
struct LocalFileTests {
    private static let content = Array("0123456789".utf8)

    enum Change: String, CaseIterable {
        case truncate, rewrite, append, replaceByRename, unlink
    }

    @Test("a file that has content and no length is refused, and not taken for an empty one")
    func lengthless() throws {
        let error = #expect(throws: ReadError.self) { try LocalFile(path: "/proc/self/maps") }
        #expect(error?.description.contains("/proc/self/maps, a file with content") == true)
        let scratch = try Scratch()
        try scratch.write("empty", [])
        #expect(try scratch.open("empty").byteCount == 0)
    }

    @Test("a change of the content makes every later read stale", arguments: Change.allCases)
    func stale(change: Change) throws {
        let scratch = try Scratch()
        try scratch.write("a", Self.content)
        let file = try scratch.open("a")
        #expect(try file.bytes(10, at: 0) == Self.content)
        let path = scratch.path("a")
        switch change {
        case .truncate: unsafe truncate(path, 5)
        case .rewrite:
            let handle = try #require(FileHandle(forUpdatingAtPath: path))
            try handle.write(contentsOf: Data("X".utf8))
            try handle.close()
        case .append:
            let handle = try #require(FileHandle(forUpdatingAtPath: path))
            try handle.seekToEnd()
            try handle.write(contentsOf: Data("X".utf8))
            try handle.close()
        case .replaceByRename:
            try scratch.write("b", Self.content)
            unsafe rename(scratch.path("b"), path)
        case .unlink: unsafe unlink(path)
        }
        #expect(throws: ReadError.stale(source: path)) { try file.bytes(2, at: 0) }
        #expect(throws: ReadError.stale(source: path)) { try file.bytes(2, at: 8) }
        #expect(throws: ReadError.stale(source: path)) { try file.validate() }
    }

    enum SetBack: String, CaseIterable {
        case rewrite, rewriteThroughLink, rewriteByMapping, holeAndSameSize
    }

    @Test("a rewrite whose time is set back to the nanosecond is noticed", arguments: SetBack.allCases)
    func timeSetBack(how: SetBack) throws {
        let scratch = try Scratch()
        try scratch.write("a", Self.content)
        let path = scratch.path("a")
        unsafe link(path, scratch.path("second"))
        var before = stat()
        unsafe stat(path, &before)
        let file = try scratch.open("a")
        // A second one of the same file, and one that is closed, change nothing.
        let other = try scratch.open("second")
        do { _ = try scratch.open("a") }
        #expect(try file.bytes(10, at: 0) == Self.content)
        switch how {
        case .rewrite, .rewriteThroughLink:
            let handle = try #require(
                FileHandle(forUpdatingAtPath: how == .rewrite ? path : scratch.path("second")))
            try handle.write(contentsOf: Data("X".utf8))
            try handle.close()
        case .rewriteByMapping:
            let descriptor = unsafe open(path, O_RDWR)
            guard let mapping = unsafe mmap(nil, 10, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
                unsafe mapping != MAP_FAILED
            else {
                Issue.record("the file cannot be mapped: \(errno)")
                return
            }
            close(descriptor)
            unsafe mapping.storeBytes(of: 0x58, as: UInt8.self)
            unsafe munmap(mapping, 10)
        case .holeAndSameSize:
            unsafe truncate(path, 3)
            unsafe truncate(path, 10)
        }
        let times = [before.st_atim, before.st_mtim]
        #expect(unsafe utimensat(AT_FDCWD, path, times, 0) == 0)
        var after = stat()
        unsafe stat(path, &after)
        #expect(
            after.st_mtim.tv_sec == before.st_mtim.tv_sec && after.st_mtim.tv_nsec == before.st_mtim.tv_nsec)
        #expect(throws: ReadError.stale(source: path)) { try file.bytes(10, at: 0) }
        #expect(throws: ReadError.stale(source: path)) { try file.validate() }
        #expect(throws: ReadError.stale(source: scratch.path("second"))) { try other.validate() }
        // Opened now, it is what it is.
        try scratch.open("a").validate()
    }

    @Test("a mapping that is written to, and stands while the time is set back, is noticed when it ends")
    func mappingThatStands() throws {
        let scratch = try Scratch()
        try scratch.write("a", Self.content)
        let path = scratch.path("a")
        var before = stat()
        unsafe stat(path, &before)
        let file = try scratch.open("a")
        let descriptor = unsafe open(path, O_RDWR)
        let mapping = unsafe mmap(nil, 10, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        close(descriptor)
        guard let mapping = unsafe mapping, unsafe mapping != MAP_FAILED else {
            Issue.record("the file cannot be mapped: \(errno)")
            return
        }
        unsafe mapping.storeBytes(of: 0x58, as: UInt8.self)
        #expect(unsafe utimensat(AT_FDCWD, path, [before.st_atim, before.st_mtim], 0) == 0)
        // What SEMANTICS, F9, says is not noticed: until the mapping ends, no one is told.
        try file.validate()
        try file.validate()
        unsafe munmap(mapping, 10)
        #expect(throws: ReadError.stale(source: path)) { try file.validate() }
        #expect(throws: ReadError.stale(source: path)) { try file.bytes(10, at: 0) }
    }

    @Test("whoever opens the file for writing and writes nothing changes nothing; nor does a new name then")
    func openedForWriting() throws {
        let scratch = try Scratch()
        try scratch.write("a", Self.content)
        try scratch.write("b", Self.content)
        let file = try scratch.open("a")
        for _ in 0..<3 { close(unsafe open(scratch.path("a"), O_WRONLY | O_APPEND)) }
        // The events are taken in when any file is opened.
        _ = try scratch.open("b")
        try file.validate()
        unsafe chmod(scratch.path("a"), 0o600)
        #expect(try file.bytes(10, at: 0) == Self.content)
        unsafe link(scratch.path("a"), scratch.path("c"))
        try file.validate()
    }

    @Test("many writes to other files, of which the kernel loses count, change nothing of this one")
    func lostEvents() throws {
        let scratch = try Scratch()
        for name in ["a", "b", "c", "d"] { try scratch.write(name, Self.content) }
        let file = try scratch.open("a")
        let busy = [try scratch.open("b"), try scratch.open("c")]
        let writers = unsafe [open(scratch.path("b"), O_WRONLY), open(scratch.path("c"), O_WRONLY)]
        defer { for writer in writers { close(writer) } }
        // In turn, since equal events that follow each other are one.
        for number in 0..<20_000 { _ = unsafe pwrite(writers[number % 2], "x", 1, 0) }
        _ = try scratch.open("d")
        try file.validate()
        unsafe chmod(scratch.path("a"), 0o600)
        #expect(try file.bytes(10, at: 0) == Self.content)
        for (name, file) in zip(["b", "c"], busy) {
            #expect(throws: ReadError.stale(source: scratch.path(name))) { try file.validate() }
        }
    }

    enum Touch: String, CaseIterable {
        case chmod, chmodToTheSame, hardLink, rename, removeOneOfTwoNames, timeSetToTheSame
    }

    @Test("what leaves the content alone leaves the file readable", arguments: Touch.allCases)
    func fresh(touch: Touch) throws {
        let scratch = try Scratch()
        try scratch.write("a", Self.content)
        if touch == .removeOneOfTwoNames { unsafe link(scratch.path("a"), scratch.path("second")) }
        let file = try scratch.open("a")
        switch touch {
        case .chmod: unsafe chmod(scratch.path("a"), 0o600)
        case .chmodToTheSame:
            var status = stat()
            unsafe stat(scratch.path("a"), &status)
            unsafe chmod(scratch.path("a"), status.st_mode & 0o7777)
        case .timeSetToTheSame:
            var status = stat()
            unsafe stat(scratch.path("a"), &status)
            _ = unsafe utimensat(AT_FDCWD, scratch.path("a"), [status.st_atim, status.st_mtim], 0)
        case .hardLink: unsafe link(scratch.path("a"), scratch.path("b"))
        case .rename: unsafe rename(scratch.path("a"), scratch.path("b"))
        case .removeOneOfTwoNames: unsafe unlink(scratch.path("a"))
        }
        #expect(try file.bytes(10, at: 0) == Self.content)
        try file.validate()
        // And what is changed after that is noticed as ever.
        let name = touch == .rename ? "b" : touch == .removeOneOfTwoNames ? "second" : "a"
        let handle = try #require(FileHandle(forUpdatingAtPath: scratch.path(name)))
        try handle.write(contentsOf: Data("X".utf8))
        try handle.close()
        #expect(throws: ReadError.self) { try file.validate() }
    }

    @Test("reads inside the file are exact, and reads past its end are errors")
    func ranges() throws {
        let scratch = try Scratch()
        try scratch.write("a", Self.content)
        let file = try scratch.open("a")
        #expect(file.byteCount == 10 && file.modificationTime == 1_000_000)
        #expect(try file.bytes(3, at: 7) == Array("789".utf8))
        #expect(try file.bytes(0, at: 10).isEmpty)
        for (count, offset) in [(4, 7), (1, 10), (1, .max)] as [(Int, UInt64)] {
            #expect(throws: ReadError.self) { try file.bytes(count, at: offset) }
        }
    }

    @Test("holes of a sparse file are found")
    func holes() throws {
        let scratch = try Scratch()
        try scratch.write("a", [])
        unsafe truncate(scratch.path("a"), 3 << 20)
        let handle = try #require(FileHandle(forUpdatingAtPath: scratch.path("a")))
        try handle.seek(toOffset: 1 << 20)
        try handle.write(contentsOf: Data(repeating: 7, count: 65_536))
        try handle.close()
        let file = try scratch.open("a")
        #expect(try file.firstOffset(of: .data, in: 0..<(3 << 20)) == 1 << 20)
        #expect(try file.firstOffset(of: .hole, in: (1 << 20)..<(3 << 20)) == (1 << 20) + 65_536)
        #expect(try file.firstOffset(of: .data, in: (2 << 20)..<(3 << 20)) == nil)
        #expect(try file.firstOffset(of: .hole, in: 5..<6) == 5)
        #expect(try file.firstOffset(of: .data, in: 0..<(1 << 20)) == nil)
        #expect(file.allocatedByteCount < file.byteCount)
    }

    @Test("a large read leaves out the hole that it starts in, and a small one just reads")
    func gatheredHole() throws {
        let scratch = try Scratch()
        try scratch.write("a", [])
        unsafe truncate(scratch.path("a"), 3 << 20)
        let handle = try #require(FileHandle(forUpdatingAtPath: scratch.path("a")))
        try handle.seek(toOffset: 1 << 20)
        try handle.write(contentsOf: Data(repeating: 7, count: 1 << 20))
        try handle.close()
        let file = try scratch.open("a")
        let zeros = [UInt8](repeating: 0, count: 512 << 10)
        let sevens = [UInt8](repeating: 7, count: 512 << 10)
        let list = GatherList()
        // Expected: what is gathered, and how much of it was read.
        let cases: [(offset: UInt64, bytes: [UInt8], read: Int)] = [
            (0, zeros, 0), (512 << 10, zeros, 0),
            (768 << 10, Array(zeros[..<(256 << 10)] + sevens[(256 << 10)...]), 256 << 10),
            (1 << 20, sevens, 512 << 10), (2 << 20, zeros, 0), (5 << 19, zeros, 0),
        ]
        // Twice: what was found the first time is known the second time.
        for (offset, bytes, read) in cases + cases.reversed() {
            list.reset()
            try file.gather(bytes.count, at: offset, into: list)
            #expect(list.bytes == bytes && list.ownByteCount == read, "at \(offset)")
        }
        list.reset()
        try file.gather(4_096, at: 0, into: list)
        #expect(list.bytes == Array(zeros.prefix(4_096)) && list.ownByteCount == 4_096)
        #expect(throws: ReadError.self) { try file.gather(512 << 10, at: 3 << 20, into: list) }
        unsafe truncate(scratch.path("a"), 1 << 20)
        #expect(throws: ReadError.stale(source: scratch.path("a"))) {
            try file.gather(512 << 10, at: 0, into: list)
        }
        #expect(throws: ReadError.stale(source: scratch.path("a"))) {
            try file.firstOffset(of: .data, in: 0..<4_096)
        }
    }

    @Test("a change that was noticed stays noticed, whatever is set back later")
    func changeIsRemembered() throws {
        let scratch = try Scratch()
        try scratch.write("a", Self.content)
        let file = try scratch.open("a")
        let handle = try #require(FileHandle(forUpdatingAtPath: scratch.path("a")))
        try handle.write(contentsOf: Data("X".utf8))
        try handle.close()
        #expect(throws: ReadError.stale(source: scratch.path("a"))) { try file.validate() }
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1_000_000)], ofItemAtPath: scratch.path("a"))
        #expect(throws: ReadError.stale(source: scratch.path("a"))) { try file.bytes(10, at: 0) }
    }

    @Test("where runs of data and holes end is asked once for each")
    func knownRuns() {
        var runs = FileRuns()
        #expect(runs.firstOffset(of: .data, from: 0) == nil && runs.firstOffset(of: .hole, from: 0) == nil)
        runs.note(.hole, foundAt: 100, askedFrom: 10)
        #expect(runs.firstOffset(of: .data, from: 10) == 10 && runs.firstOffset(of: .data, from: 99) == 99)
        #expect(runs.firstOffset(of: .hole, from: 50) == 100)
        #expect(runs.firstOffset(of: .hole, from: 9) == nil && runs.firstOffset(of: .hole, from: 100) == nil)
        runs.note(.data, foundAt: 300, askedFrom: 100)
        #expect(
            runs.firstOffset(of: .hole, from: 100) == 100 && runs.firstOffset(of: .data, from: 299) == 300)
        #expect(runs.firstOffset(of: .data, from: 300) == nil)
        // Where it was asked is what was asked for: that says nothing of how far it goes.
        runs.note(.data, foundAt: 400, askedFrom: 400)
        #expect(runs.firstOffset(of: .hole, from: 200) == 200)
    }

    @Test("a device to which nothing is attached is refused, and says so", .enabled(if: geteuid() == 0))
    func emptyDevice() throws {
        let scratch = try Scratch()
        // A loop device of this number is there on no machine before it is asked for, and has no file then.
        let number = 200 + Int.random(in: 0..<50)
        guard unsafe mknod(scratch.path("loop"), S_IFBLK | 0o600, dev_t(7 << 8 | number)) == 0 else {
            Issue.record("a device node cannot be made: \(errno)")
            return
        }
        let error = #expect(throws: ReadError.self) { try scratch.open("loop") }
        switch error {
        case .unsupported(let feature)?: #expect(feature.contains("nothing is attached"))
        // Kernels that make no loop device for who opens one.
        case .system(_, ENXIO)?, .system(_, ENODEV)?: break
        default: Issue.record("\(String(describing: error))")
        }
    }

    @Test("a directory, a device and a fifo without a writer are refused at once")
    func noFile() throws {
        let scratch = try Scratch()
        unsafe mkfifo(scratch.path("fifo"), 0o600)
        for path in [scratch.folder.path, "/dev/null", scratch.path("fifo")] {
            let error = #expect(throws: ReadError.self) { try LocalFile(path: FilePath(path)) }
            guard case .unsupported? = error else {
                Issue.record("\(path): \(String(describing: error))")
                continue
            }
        }
    }

    @Test("a file that is not there says so, with the system's number")
    func absent() throws {
        let scratch = try Scratch()
        let error = #expect(throws: ReadError.self) { try scratch.open("absent") }
        guard case .system(_, ENOENT)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
