// Tests of what is kept of files of servers that have no ranges.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import TestSupport
import Testing

@testable import RemoteSources

@Suite("Files of servers without ranges, kept on disk")
struct SpoolKeeperTests {
    private static let file = WebFile(RemoteFixture.bytes(6_000_001))

    private static func withFolder(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "/ovafs-spool-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    /// Answers 200 with everything, and counts what it sent in answer to requests for everything.
    private static func whole(
        _ file: WebFile, sending count: Int = .max, then gate: Gate? = nil
    ) -> WebServer.Behaviour {
        { request, connection in
            guard request.headers["range"] == nil else { return connection.answer(400) }
            connection.sendHead(200, ["Content-Length: \(file.bytes.count)"] + file.headers)
            connection.send(file.bytes.prefix(count))
            guard let gate else { return }
            gate.wait()
            connection.close()
        }
    }

    private static func open(_ fixture: RemoteFixture, _ path: String) throws -> SpooledSource {
        var access = fixture.access
        access.store = try BlockStore(path: path, byteLimit: 1 << 30)
        access.spoolFolder = path
        let object = RemoteObject(try WebAddress(fixture.server.url("/file")))
        return try #require(try RemoteOpener.open(object, through: access) as? SpooledSource)
    }

    private static func keptCount(_ path: String) -> Int {
        let folder = path + "/1"
        let objects = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return objects.map { name in
            let digests = FileManager.default.contents(atPath: "\(folder)/\(name)/digests") ?? Data()
            return stride(from: 0, to: digests.count, by: 32).count {
                digests[$0..<min($0 + 32, digests.count)].contains { $0 != 0 }
            }
        }.reduce(0, +)
    }

    private static func waitUntilKept(_ path: String, _ fixture: RemoteFixture, blocks: Int) throws {
        let end = MonotonicClock.now + 60
        while keptCount(path) < blocks {
            try #require(MonotonicClock.now < end, "\(keptCount(path)) blocks were kept")
            fixture.server.rest(0.02)
        }
    }

    @Test("what came is there the next time, and the server need not send it")
    func second() throws {
        try Self.withFolder { path in
            try RemoteFixture.with(Self.whole(Self.file)) { fixture throws in
                #expect(try Self.open(fixture, path).bytes(6_000_001, at: 0) == Self.file.bytes)
                try Self.waitUntilKept(path, fixture, blocks: 23)
                // From now on the server says what it has, and brings a little of it only.
                let gate = Gate()
                defer { gate.open() }
                fixture.server.behave(Self.whole(Self.file, sending: 100, then: gate))
                let count = fixture.server.requests.count
                let notes = SleepingMutex<[String]>([])
                var noting = fixture
                noting.access.note = { note in notes.withLock { $0.append(note) } }
                let again = try Self.open(noting, path)
                #expect(notes.withLock { $0 }.isEmpty)
                #expect(try again.bytes(6_000_001, at: 0) == Self.file.bytes)
                #expect(again.isComplete)
                #expect(fixture.server.requests.count <= count + 2)
            }
        }
    }

    @Test("of a transfer that did not end the start is there, and the rest is brought behind it")
    func start() throws {
        try Self.withFolder { path in
            let gate = Gate()
            try RemoteFixture.with(Self.whole(Self.file, sending: 3_000_000, then: gate)) { fixture throws in
                defer { gate.open() }
                let notes = SleepingMutex<[String]>([])
                var noting = fixture
                noting.access.note = { note in notes.withLock { $0.append(note) } }
                let first = try Self.open(noting, path)
                #expect(notes.withLock { $0 }.count { $0.contains("6 MiB are brought to \(path)") } == 1)
                #expect(try first.bytes(1, at: 2_900_000) == [Self.file.bytes[2_900_000]])
                try Self.waitUntilKept(path, fixture, blocks: 11)
                let later = Gate()
                defer { later.open() }
                fixture.server.behave(Self.whole(Self.file, sending: 100, then: later))
                let second = try Self.open(fixture, path)
                #expect(try second.bytes(2_000_000, at: 0) == Array(Self.file.bytes[..<2_000_000]))
                #expect(!second.isComplete)
                fixture.server.behave(Self.whole(Self.file))
                later.open()
                #expect(try second.bytes(6_000_001, at: 0) == Self.file.bytes)
                try Self.waitUntilKept(path, fixture, blocks: 23)
            }
        }
    }

    @Test("flipped bits are brought anew", arguments: [0, 300_000, 5_999_999])
    func damaged(place: UInt64) throws {
        try Self.withFolder { path in
            try RemoteFixture.with(Self.whole(Self.file)) { fixture throws in
                #expect(try Self.open(fixture, path).bytes(6_000_001, at: 0) == Self.file.bytes)
                try Self.waitUntilKept(path, fixture, blocks: 23)
                let folder = path + "/1"
                let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
                let handle = try #require(FileHandle(forUpdatingAtPath: "\(folder)/\(name)/blocks"))
                try handle.seek(toOffset: place)
                try handle.write(contentsOf: [Self.file.bytes[Int(place)] ^ 1])
                try handle.close()
                #expect(try Self.open(fixture, path).bytes(6_000_001, at: 0) == Self.file.bytes)
            }
        }
    }

    @Test("another version is another file, and one without a version is not kept")
    func versions() throws {
        try Self.withFolder { path in
            try RemoteFixture.with(Self.whole(Self.file)) { fixture throws in
                #expect(try Self.open(fixture, path).bytes(6_000_001, at: 0) == Self.file.bytes)
                try Self.waitUntilKept(path, fixture, blocks: 23)
                let other = WebFile(RemoteFixture.bytes(6_000_001, seed: 2), headers: ["ETag: \"2\""])
                fixture.server.behave(Self.whole(other))
                #expect(try Self.open(fixture, path).bytes(6_000_001, at: 0) == other.bytes)
                try Self.waitUntilKept(path, fixture, blocks: 46)
                let unknown = WebFile(RemoteFixture.bytes(6_000_001, seed: 3), headers: [])
                fixture.server.behave(Self.whole(unknown))
                for _ in 0..<2 {
                    #expect(try Self.open(fixture, path).bytes(6_000_001, at: 0) == unknown.bytes)
                }
                #expect(Self.keptCount(path) == 46)
            }
        }
    }
}
