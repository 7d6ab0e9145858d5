// Tests of the server on real mounts: content, errors, listings, attributes, holes.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

@testable import FuseServer

/// A source that is no longer what was opened.
private struct StaleSource: ByteSource {
    let byteCount: UInt64 = 8192
    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        throw .stale(source: "the test's file")
    }
}

@Suite("A mounted tree", .serialized)
struct FuseServerTests {
    private static let content = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 / 7) }

    private static func name(_ text: String) -> [[UInt8]] {
        text.split(separator: "/").map { Array($0.utf8) }
    }

    private static func tree(_ fill: (inout FileTreeBuilder) -> Void = { _ in }) -> FileTree {
        var builder = FileTreeBuilder(directoryTime: 1_000, budget: OpeningBudget())
        builder.add(
            .file(MemorySource(content)), at: name("a.bin"), attributes: Attributes(modificationTime: 1_234),
            extendedAttributes: [
                ExtendedAttribute("user.ova.format") { "raw" },
                ExtendedAttribute("user.ova.bus") { nil },
            ])
        fill(&builder)
        return builder.build()
    }

    @Test(
        "files have their bytes, cut at their end, in both cache modes",
        arguments: SessionOptions.CacheMode.allCases)
    func content(mode: SessionOptions.CacheMode) throws {
        try LiveMount.with(Self.tree(), { $0.cacheMode = mode }) { mount in
            #expect(mount.read("a.bin", 30_000) == .bytes(Self.content))
            #expect(mount.read("a.bin", 100, at: 19_950) == .bytes(Array(Self.content[19_950...])))
            #expect(mount.read("a.bin", 100, at: 20_000) == .bytes([]))
            #expect(mount.read("a.bin", 100, at: 1 << 40) == .bytes([]))
            #expect(
                mount.read("a.bin", 4096, at: 4096, flags: O_RDONLY | LiveMount.direct)
                    == .bytes(Array(Self.content[4096..<8192])))
        }
    }

    @Test("without the page cache each read reaches the server")
    func direct() throws {
        try LiveMount.with(Self.tree(), { $0.cacheMode = .none }) { mount in
            for _ in 0..<5 { #expect(mount.read("a.bin", 10) == .bytes(Array(Self.content[..<10]))) }
            // A read is counted right after it was answered.
            for _ in 0..<1_000 where mount.statistics.bytesServed < 50 { usleep(1_000) }
            #expect(mount.statistics.readRequests == 5)
            #expect(mount.statistics.bytesServed == 50)
        }
    }

    @Test(
        "an error of a read has the number that fits: EIO for damage and bad sectors, ESTALE for a changed file"
    )
    func errors() throws {
        let tree = Self.tree { builder in
            let attributes = Attributes(modificationTime: 0)
            let bad = FailingSource(MemorySource(Self.content), failingIn: 8192..<8193)
            builder.add(.file(bad), at: Self.name("bad"), attributes: attributes)
            builder.add(.file(StaleSource()), at: Self.name("stale"), attributes: attributes)
        }
        try LiveMount.with(tree, { $0.cacheMode = .none }) { mount in
            #expect(mount.read("bad", 4096, at: 8192) == .failure(EIO))
            #expect(mount.read("bad", 8192) == .bytes(Array(Self.content[..<8192])))
            #expect(mount.read("bad", 4096, at: 12_288) == .bytes(Array(Self.content[12_288..<16_384])))
            #expect(mount.read("stale", 4096) == .failure(ESTALE))
            #expect(mount.statistics.failedReads == 2)
            #expect(mount.read("absent", 1) == .failure(ENOENT))
        }
        #expect(ReadError.corrupt(record: "r", offset: 0, reason: "").errnoForKernel == EIO)
        #expect(ReadError.unsupported(feature: "f").errnoForKernel == EIO)
        #expect(ReadError.stale(source: "s").errnoForKernel == ESTALE)
        #expect(ReadError.system(call: "c", errno: ENOMEM).errnoForKernel == ENOMEM)
    }

    @Test("nothing can be changed")
    func readOnly() throws {
        try LiveMount.with(Self.tree()) { mount in
            #expect(mount.read("a.bin", 1, flags: O_RDWR) == .failure(EROFS))
            #expect(mount.read("new", 1, flags: O_RDWR | O_CREAT) == .failure(EROFS))
            #expect(unsafe unlink(mount.path("a.bin")) != 0 && errno == EROFS)
            #expect(unsafe mkdir(mount.path("d"), 0o700) != 0 && errno == EROFS)
            #expect(unsafe truncate(mount.path("a.bin"), 0) != 0 && errno == EROFS)
        }
    }

    @Test("a directory of 5,000 entries is listed whole, each entry once")
    func manyEntries() throws {
        let tree = Self.tree { builder in
            for number in 0..<5_000 {
                builder.add(
                    .file(ZeroSource(byteCount: 1)), at: Self.name("many/entry-with-a-long-name-\(number)"),
                    attributes: Attributes(modificationTime: 0))
            }
        }
        try LiveMount.with(tree) { mount in
            let names = try FileManager.default.contentsOfDirectory(atPath: mount.path("many"))
            #expect(names.count == 5_000)
            #expect(Set(names) == Set((0..<5_000).map { "entry-with-a-long-name-\($0)" }))
        }
    }

    @Test(
        "a directory that is not listed is entered by name; links lead where they say; live files are made anew"
    )
    func kinds() throws {
        let counter = Atomic<Int>(0)
        let attributes = Attributes(modificationTime: 0)
        let tree = Self.tree { builder in
            builder.addDirectory(Self.name(".ova"), isListed: false)
            builder.add(
                .liveFile { Array("\(counter.add(1, ordering: .relaxed).newValue)".utf8) },
                at: Self.name(".ova/live"), attributes: attributes)
            builder.add(
                .symbolicLink(target: Array("../a.bin".utf8)), at: Self.name(".ova/link"),
                attributes: attributes)
        }
        try LiveMount.with(tree) { mount in
            #expect(try FileManager.default.contentsOfDirectory(atPath: mount.folder) == ["a.bin"])
            let inside = try FileManager.default.contentsOfDirectory(atPath: mount.path(".ova"))
            #expect(inside.sorted() == ["link", "live"])
            #expect(
                try FileManager.default.destinationOfSymbolicLink(atPath: mount.path(".ova/link"))
                    == "../a.bin")
            #expect(mount.read(".ova/link", 10) == .bytes(Array(Self.content[..<10])))
            let first = mount.read(".ova/live", 10)
            let second = mount.read(".ova/live", 10)
            #expect(first != second && first != .bytes([]))
        }
    }

    @Test("owner, permissions, times and sizes are those that were chosen")
    func attributes() throws {
        let tree = Self.tree { builder in
            builder.add(
                .file(ZeroSource(byteCount: 1 << 40)), at: Self.name("d/sparse"),
                attributes: Attributes(modificationTime: 5, allocatedByteCount: 1024))
        }
        func change(_ options: inout SessionOptions) {
            options.umask = 0o027
            options.groupID = 1_234
        }
        try LiveMount.with(tree, change) { mount in
            var status = stat()
            #expect(unsafe stat(mount.path("a.bin"), &status) == 0)
            #expect(status.st_mode == S_IFREG | 0o440 && status.st_gid == 1_234 && status.st_uid == getuid())
            #expect(status.st_size == 20_000 && status.st_mtim.tv_sec == 1_234)
            #expect(unsafe stat(mount.path("d"), &status) == 0)
            #expect(status.st_mode == S_IFDIR | 0o550 && status.st_mtim.tv_sec == 1_000)
            #expect(unsafe stat(mount.path("d/sparse"), &status) == 0)
            #expect(status.st_size == 1 << 40 && status.st_blocks == 2)
            var system = statvfs()
            #expect(unsafe statvfs(mount.folder, &system) == 0)
            #expect(system.f_bsize == 4096 && system.f_bfree == 0 && system.f_files == 4)
            #expect(system.f_flag & UInt(ST_RDONLY) != 0)
        }
    }

    @Test("extended attributes are listed and read; one that has no value is not there, and room is checked")
    func extendedAttributes() throws {
        try LiveMount.with(Self.tree()) { mount in
            let path = mount.path("a.bin")
            let calls = try #require(ExtendedAttributeCalls())
            let format = calls.value(of: "user.ova.format", at: path, room: 64)
            #expect(format.length == 3 && format.bytes == Array("raw".utf8))
            #expect(calls.value(of: "user.ova.format", at: path, room: 0).length == 3)
            #expect(calls.value(of: "user.ova.format", at: path, room: 2).length == Int(-ERANGE))
            for name in ["user.ova.bus", "user.none"] {
                #expect(calls.value(of: name, at: path, room: 64).length == Int(-ENODATA))
            }
            #expect(calls.names(at: path) == Array("user.ova.format\0".utf8))
        }
    }

    @Test("SEEK_DATA and SEEK_HOLE find what the source says")
    func seek() throws {
        let data = MemorySource(Array(repeating: 1, count: 65_536))
        let parts: [any ByteSource] = [ZeroSource(byteCount: 1 << 20), data, ZeroSource(byteCount: 1 << 30)]
        let source = try ConcatenatedSource(parts, named: "disk")
        let tree = Self.tree { builder in
            builder.add(.file(source), at: Self.name("disk"), attributes: Attributes(modificationTime: 0))
        }
        try LiveMount.with(tree) { mount in
            let descriptor = unsafe open(mount.path("disk"), O_RDONLY)
            defer { close(descriptor) }
            let (seekData, seekHole): (CInt, CInt) = (3, 4)
            #expect(lseek(descriptor, 0, seekData) == 1 << 20)
            #expect(lseek(descriptor, 0, seekHole) == 0)
            #expect(lseek(descriptor, 1 << 20, seekHole) == (1 << 20) + 65_536)
            #expect(lseek(descriptor, 2 << 20, seekData) == -1 && errno == ENXIO)
            #expect(mount.read("disk", 4, at: (1 << 20) - 2) == .bytes([0, 0, 1, 1]))
        }
    }

    @Test("a mount on what is not there fails, with a message, and leaves nothing")
    func badMountPoint() {
        let server = FuseServer(
            tree: Self.tree(), options: SessionOptions(sourceName: Array("x".utf8), userID: 0, groupID: 0),
            statistics: ServerStatistics(), log: Logger(label: "test"))
        let error = #expect(throws: MountError.self) {
            try server.serve(at: Array("/nonexistent/ovafs".utf8)) {}
        }
        #expect(error?.description.contains("/nonexistent/ovafs") == true)
    }
}
