// Tests of blocks that are kept on disk.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import RemoteSources

@Suite("Blocks kept on disk")
struct BlockStoreTests {
    private static let file = WebFile(RemoteFixture.bytes(6_000_001))

    /// Calls `body` with a folder that is removed then.
    private static func withFolder(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "/ovafs-store-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private static func open(
        _ fixture: RemoteFixture, _ path: String, byteLimit: UInt64 = 1 << 30,
        note: @escaping @Sendable (String) -> Void = { _ in }
    ) throws -> any ByteSource {
        var access = fixture.access
        access.store = try BlockStore(path: path, byteLimit: byteLimit, note: note)
        return try RemoteOpener.open(
            RemoteObject(try WebAddress(fixture.server.url("/file?key=hidden"))), through: access)
    }

    private static func files(_ path: String, _ name: String) -> [String] {
        let folder = path + "/1"
        let objects = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return objects.map { "\(folder)/\($0)/\(name)" }
    }

    /// Waits until all blocks are on disk, as writing goes on when readers have their bytes.
    private static func waitUntilKept(_ path: String, _ fixture: RemoteFixture, blocks: Int) throws {
        let end = MonotonicClock.now + 60
        while true {
            let digests =
                files(path, "digests").first.flatMap { FileManager.default.contents(atPath: $0) } ?? Data()
            let kept = stride(from: 0, to: digests.count, by: 32).filter { start in
                digests[start..<min(start + 32, digests.count)].contains { $0 != 0 }
            }
            if kept.count >= blocks { return }
            try #require(MonotonicClock.now < end, "\(kept.count) blocks were kept")
            fixture.server.rest(0.02)
        }
    }

    @Test("a second mount makes one request, and shows nothing of what is secret")
    func second() throws {
        try Self.withFolder { path in
            try RemoteFixture.with(Self.file.served) { fixture throws in
                #expect(try Self.open(fixture, path).bytes(6_000_001, at: 0) == Self.file.bytes)
                try Self.waitUntilKept(path, fixture, blocks: 23)
            }
            try RemoteFixture.with(Self.file.served) { fixture throws in
                // Another port is another address.
                #expect(try Self.open(fixture, path).bytes(6_000_001, at: 0) == Self.file.bytes)
                try Self.waitUntilKept(path, fixture, blocks: 23)
                let count = fixture.server.requests.count
                let again = try Self.open(fixture, path)
                #expect(
                    try again.bytes(4_900_000, at: 1_048_576) == Array(Self.file.bytes[1_048_576..<5_948_576])
                )
                #expect((count + 1...count + 2).contains(fixture.server.requests.count))
                // What is there is read while the server is away.
                fixture.server.stop()
                #expect(try again.bytes(6_000_001, at: 0) == Self.file.bytes)
            }
            for file in Self.files(path, "object.json") {
                let text = try String(contentsOfFile: file, encoding: .utf8)
                #expect(text.contains("http://127.0.0.1") && !text.contains("hidden"))
                let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
                #expect(mode == 0o600)
            }
        }
    }

    @Test(
        "flipped bits, torn writes and files cut short are absent blocks", arguments: ["blocks", "digests"])
    func damaged(name: String) throws {
        try Self.withFolder { path in
            try RemoteFixture.with(Self.file.served) { fixture throws in
                #expect(try Self.open(fixture, path).bytes(6_000_001, at: 0) == Self.file.bytes)
                try Self.waitUntilKept(path, fixture, blocks: 23)
                let file = try #require(Self.files(path, name).first)
                var bytes = try #require(FileManager.default.contents(atPath: file))
                var random = SeededRandom(seed: 5)
                for _ in 0..<30 {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] ^=
                        UInt8(1) << UInt8.random(in: 0..<8, using: &random)
                }
                let whole = bytes
                for count in [whole.count, whole.count / 2, 0] {
                    let handle = try #require(FileHandle(forWritingAtPath: file))
                    try handle.truncate(atOffset: 0)
                    try handle.write(contentsOf: whole.prefix(count))
                    try handle.close()
                    #expect(try Self.open(fixture, path).bytes(6_000_001, at: 0) == Self.file.bytes)
                }
            }
        }
    }

    @Test("damaged blocks of the start are mended when the source is opened")
    func mended() throws {
        try Self.withFolder { path in
            try RemoteFixture.with(Self.file.served) { fixture throws in
                #expect(try Self.open(fixture, path).bytes(6_000_001, at: 0) == Self.file.bytes)
                try Self.waitUntilKept(path, fixture, blocks: 23)
                let file = try #require(Self.files(path, "blocks").first)
                let whole = try #require(FileManager.default.contents(atPath: file))
                var damaged = whole
                for offset in [100, 300_000] { damaged[offset] ^= 1 }
                try damaged.write(to: URL(fileURLWithPath: file), options: [])
                _ = try Self.open(fixture, path)
                #expect(FileManager.default.contents(atPath: file) == whole)
            }
        }
    }

    @Test("another version has a place of its own")
    func versions() throws {
        try Self.withFolder { path in
            try RemoteFixture.with(Self.file.served) { fixture throws in
                #expect(try Self.open(fixture, path).bytes(6_000_001, at: 0) == Self.file.bytes)
                try Self.waitUntilKept(path, fixture, blocks: 23)
                let other = WebFile(RemoteFixture.bytes(6_000_001, seed: 4), headers: ["ETag: \"2\""])
                fixture.server.behave(other.served)
                #expect(try Self.open(fixture, path).bytes(6_000_001, at: 0) == other.bytes)
                #expect(Self.files(path, "blocks").count == 2)
            }
        }
    }

    @Test("without a validator nothing is kept")
    func withoutValidator() throws {
        try Self.withFolder { path in
            try RemoteFixture.with(WebFile(Self.file.bytes, headers: []).served) { fixture throws in
                #expect(try Self.open(fixture, path).bytes(6_000_001, at: 0) == Self.file.bytes)
                #expect(Self.files(path, "blocks").isEmpty)
            }
        }
    }

    @Test("two who share the folder at the same time fetch a block once")
    func shared() throws {
        try Self.withFolder { path in
            try RemoteFixture.with({ request, connection in
                if request.headers["range"] != "bytes=0-1048575" { connection.rest(0.3) }
                Self.file.answer(request, connection)
            }) { fixture throws in
                let others = BlockCache(byteLimit: 16 << 20)
                let one = try Self.open(fixture, path)
                var access = RemoteAccess(transport: fixture.transport, cache: others, timeoutInSeconds: 60)
                access.store = try BlockStore(path: path, byteLimit: 1 << 30)
                let two = try RemoteOpener.open(
                    RemoteObject(try WebAddress(fixture.server.url("/file?key=hidden"))), through: access)
                let rights = Counter()
                WorkerThread.concurrently(2) { number in
                    let bytes = try? (number == 0 ? one : two).bytes(3_000_000, at: 2_000_000)
                    if bytes == Array(Self.file.bytes[2_000_000..<5_000_000]) { rights.add(1) }
                }
                #expect(rights.add(0) == 2)
                let ranges = fixture.server.requests.compactMap { $0.range(in: Self.file.bytes.count) }
                    .filter { $0.lowerBound > 0 }
                #expect(ranges.reduce(0) { $0 + $1.count } < 4_500_000)
            }
        }
    }

    @Test("the folder is kept within its limit, and what was let go is fetched again")
    func eviction() throws {
        try Self.withFolder { path in
            try RemoteFixture.with(Self.file.served) { fixture throws in
                let source = try Self.open(fixture, path, byteLimit: 2 << 20)
                #expect(try source.bytes(6_000_001, at: 0) == Self.file.bytes)
                let end = MonotonicClock.now + 60
                var stored = Int64.max
                while stored > 3 << 20, MonotonicClock.now < end {
                    let file = try #require(Self.files(path, "blocks").first)
                    var status = stat()
                    unsafe stat(file, &status)
                    stored = Int64(status.st_blocks) * 512
                    fixture.server.rest(0.02)
                }
                #expect(stored <= 3 << 20)
                #expect(try Self.open(fixture, path).bytes(6_000_001, at: 0) == Self.file.bytes)
            }
        }
    }

    @Test("a folder that others may write to is refused")
    func foreign() throws {
        try Self.withFolder { path in
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: path)
            #expect(throws: ReadError.self) { try BlockStore(path: path, byteLimit: 1 << 20) }
        }
    }

    @Test("a disk that takes no more is told of once, and reading goes on")
    func full() throws {
        try Self.withFolder { path in
            try RemoteFixture.with(Self.file.served) { fixture throws in
                let notes = Mutex<[String]>([])
                let store = try BlockStore(path: path, byteLimit: 1 << 30) { note in
                    notes.withLock { $0.append(note) }
                }
                store.noteFailure(ENOSPC)
                store.noteFailure(ENOSPC)
                var access = fixture.access
                access.store = store
                let source = try RemoteOpener.open(
                    RemoteObject(try WebAddress(fixture.server.url("/file"))), through: access)
                #expect(try source.bytes(6_000_001, at: 0) == Self.file.bytes)
                #expect(notes.withLock { $0.count } == 1)
                #expect(
                    Self.files(path, "digests").allSatisfy {
                        FileManager.default.contents(atPath: $0) == Data()
                    })
            }
        }
    }
}
