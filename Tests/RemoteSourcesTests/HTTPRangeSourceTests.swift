// Tests of reading a file of a web server.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization
import TestSupport
import Testing

@testable import RemoteSources

@Suite("Files behind a web server")
struct HTTPRangeSourceTests {
    private static let file = WebFile(RemoteFixture.bytes(20_000_003))

    @Test(
        "files of all lengths, read at all their boundaries",
        arguments: [1, 2, 262_143, 262_144, 262_145, 1_048_575, 1_048_576, 1_048_577, 2_000_000])
    func lengths(byteCount: Int) throws {
        let file = WebFile(Array(Self.file.bytes[..<byteCount]))
        try RemoteFixture.with(file.served) { fixture throws in
            let source = try fixture.open()
            #expect(source.byteCount == UInt64(byteCount))
            #expect(!source.isNear)
            #expect(try source.bytes(byteCount, at: 0) == file.bytes)
            for boundary in stride(from: 0, through: byteCount, by: 262_144) {
                for start in max(0, boundary - 1)...min(byteCount, boundary + 1) {
                    let count = min(3, byteCount - start)
                    #expect(
                        try source.bytes(count, at: UInt64(start))
                            == Array(file.bytes[start..<(start + count)]))
                }
            }
            #expect(throws: ReadError.self) { try source.bytes(1, at: UInt64(byteCount)) }
            #expect(try source.bytes(0, at: UInt64(byteCount)).isEmpty)
        }
    }

    @Test("an empty file is empty")
    func empty() throws {
        try RemoteFixture.with(WebFile([]).served) { fixture throws in
            #expect(try fixture.open().byteCount == 0)
        }
    }

    @Test("one request opens, and says nothing of compression")
    func opening() throws {
        try RemoteFixture.with(Self.file.served) { fixture throws in
            let source = try fixture.open("/file?signature=abc")
            #expect(try source.bytes(1_000_000, at: 0) == Array(Self.file.bytes[..<1_000_000]))
            let requests = fixture.server.requests
            #expect(requests.count == 1)
            #expect(requests[0].method == "GET" && requests[0].path == "/file?signature=abc")
            #expect(requests[0].headers["range"] == "bytes=0-1048575")
            #expect(requests[0].headers["accept-encoding"] == "identity")
            _ = try source.bytes(10, at: 10_000_000)
            #expect(fixture.server.requests[1].headers["if-range"] == "\"1\"")
        }
    }

    @Test("a connection serves one request after the other")
    func connections() throws {
        try RemoteFixture.with(Self.file.served) { fixture throws in
            let source = try fixture.open()
            for number in 0..<24 {
                let offset = 1_100_000 + number * 700_000
                #expect(
                    try source.bytes(10, at: UInt64(offset)) == Array(Self.file.bytes[offset..<(offset + 10)])
                )
            }
            let requests = fixture.server.requests
            #expect(requests.count >= 20)
            // A read alone needs one; what is brought beside it may need some more.
            #expect(Set(requests.map(\.connection)).count <= 6)
        }
    }

    @Test("many readers of one place make one request, and each gets its bytes")
    func shared() throws {
        try RemoteFixture.with({ request, connection in
            if request.headers["range"] != "bytes=0-1048575" { connection.rest(0.2) }
            Self.file.answer(request, connection)
        }) { fixture throws in
            let source = try fixture.open()
            let rights = Counter()
            WorkerThread.concurrently(16) { number in
                let start = 10_000_000 + number * 100
                let bytes = try? source.bytes(5_000, at: UInt64(start))
                if bytes == Array(Self.file.bytes[start..<(start + 5_000)]) { rights.add(1) }
            }
            #expect(rights.add(0) == 16)
            // What is read ahead of them is of other places.
            let ofThisPlace = fixture.server.requests.filter { request in
                let numbers = (request.headers["range"] ?? "").dropFirst(6).split(separator: "-").compactMap {
                    Int($0)
                }
                return numbers.count == 2 && (numbers[0]...max(numbers[0], numbers[1])).contains(10_003_000)
            }
            #expect((1...2).contains(ofThisPlace.count))
        }
    }

    @Test("readers in all places at once, with memory for a few blocks, get what they asked for")
    func random() throws {
        try RemoteFixture.with(cacheByteLimit: 2 << 20, Self.file.served) { fixture throws in
            let source = try fixture.open()
            let wrongs = Counter()
            WorkerThread.concurrently(8) { number in
                var random = SeededRandom(seed: UInt64(number))
                for _ in 0..<40 {
                    let count = Int.random(in: 1...700_000, using: &random)
                    let start = Int.random(in: 0...(Self.file.bytes.count - count), using: &random)
                    let bytes = try? source.bytes(count, at: UInt64(start))
                    if bytes != Array(Self.file.bytes[start..<(start + count)]) { wrongs.add(1) }
                }
            }
            #expect(wrongs.add(0) == 0)
            // One block for each who waits, beyond the bound.
            #expect(fixture.cache.byteCount <= 2 << 20 + 8 << 18)
        }
    }

    @Test("who reads on gets large requests, and every byte is fetched once")
    func sequential() throws {
        try RemoteFixture.with(cacheByteLimit: 64 << 20, Self.file.served) { fixture throws in
            let source = try fixture.open()
            var position = 0
            while position < Self.file.bytes.count {
                let count = min(100_000, Self.file.bytes.count - position)
                let bytes = try source.bytes(count, at: UInt64(position))
                guard bytes == Array(Self.file.bytes[position..<(position + count)]) else {
                    Issue.record("wrong bytes at \(position)")
                    return
                }
                position += count
            }
            let ranges = fixture.server.requests.compactMap { $0.range(in: Self.file.bytes.count) }
            #expect(ranges.reduce(0) { $0 + $1.count } <= Self.file.bytes.count + 300_000)
            #expect(ranges.count <= 20)
        }
    }

    @Test("who may not wait is told so, what it wants is fetched, and memory answers")
    func patience() throws {
        try RemoteFixture.with(Self.file.served) { fixture throws in
            let source = try fixture.open()
            for patience in [Patience.decodes, .usesCacheOnly] {
                let offset: UInt64 = patience == .decodes ? 5_000_000 : 15_000_000
                #expect(throws: ReadError.wouldWait) {
                    try patience.during { () throws(ReadError) in try source.bytes(600_000, at: offset) }
                }
                let end = MonotonicClock.now + 60
                while true {
                    let bytes = try? patience.during { () throws(ReadError) in
                        try source.bytes(600_000, at: offset)
                    }
                    if let bytes {
                        #expect(bytes == Array(Self.file.bytes[Int(offset)..<(Int(offset) + 600_000)]))
                        break
                    }
                    try #require(MonotonicClock.now < end, "it never comes")
                    fixture.server.rest(0.01)
                }
            }
            _ = try patience(source)
        }
    }

    /// What is in memory is read without waiting.
    private func patience(_ source: any ByteSource) throws -> [UInt8] {
        try Patience.usesCacheOnly.during { () throws(ReadError) in try source.bytes(1_000, at: 10) }
    }

    @Test("what is prepared is there when it is read, through parts of the source, too")
    func prepared() throws {
        try RemoteFixture.with(Self.file.served) { fixture throws in
            let source = try fixture.open()
            let part = try SubrangeSource(of: source, from: 4_000_000, byteCount: 9_000_000, named: "part")
            let joined = try ConcatenatedSource([MemorySource([1]), part], named: "joined")
            joined.prepare(0..<900_000)
            joined.prepare(8_999_990..<UInt64.max)
            let end = MonotonicClock.now + 60
            while !joined.isAtHand(0..<900_000), MonotonicClock.now < end { fixture.server.rest(0.01) }
            let count = fixture.server.requests.count
            #expect(try joined.bytes(800_000, at: 1) == Array(Self.file.bytes[4_000_000..<4_800_000]))
            #expect(fixture.server.requests.count <= count + 1)
        }
    }

    @Test("a silent server ends a read when its time is over, and a reader that is called off at once")
    func silent() throws {
        try RemoteFixture.with(timeout: 2, Self.file.served) { fixture throws in
            let source = try fixture.open()
            fixture.server.behave { _, connection in connection.rest(60) }
            let start = MonotonicClock.now
            let read = PatientRead(decodingIn: DecoderPlaces(1))
            let ending = Mutex<Double>(0)
            let thread = try WorkerThread {
                read.perform {
                    #expect(throws: ReadError.interrupted) { try source.bytes(1, at: 9_000_000) }
                }
                ending.withLock { $0 = MonotonicClock.now }
            }
            fixture.server.rest(0.1)
            read.cancel()
            #expect(throws: ReadError.self) { try source.bytes(1, at: 5_000_000) }
            #expect(MonotonicClock.now - start >= 2)
            thread.join()
            #expect(ending.withLock { $0 } - start < 1.9)
            // What is here is read all the same.
            #expect(try source.bytes(10, at: 0) == Array(Self.file.bytes[..<10]))
        }
    }

    @Test("a block that a slow transfer is far from is fetched by itself")
    func slow() throws {
        try RemoteFixture.with(timeout: 40, Self.file.served) { fixture throws in
            let source = try fixture.open()
            fixture.server.behave { request, connection in
                guard let range = request.range(in: Self.file.bytes.count), range.count > 4 << 20 else {
                    return Self.file.answer(request, connection)
                }
                connection.sendHead(206, Self.file.headers(for: range))
                for start in stride(from: range.lowerBound, to: range.upperBound, by: 10_000) {
                    guard connection.send(Self.file.bytes[start..<min(range.upperBound, start + 10_000)])
                    else {
                        break
                    }
                    connection.rest(0.1)
                }
                connection.close()
            }
            source.prepare(5_000_000..<15_000_000)
            while fixture.server.requests.count < 2 { fixture.server.rest(0.01) }
            #expect(try source.bytes(100, at: 8_900_000) == Array(Self.file.bytes[8_900_000..<8_900_100]))
        }
    }

    @Test("a redirection is remembered, and looked up anew when it has expired")
    func redirected() throws {
        let valid = Counter()
        try RemoteFixture.with({ request, connection in
            if request.path == "/file" {
                return connection.answer(302, ["Location: /signed?key=\(valid.add(0))"])
            }
            guard request.path == "/signed?key=\(valid.add(0))" else { return connection.answer(403) }
            Self.file.answer(request, connection)
        }) { fixture throws in
            let source = try fixture.open()
            #expect(try source.bytes(10, at: 5_000_000) == Array(Self.file.bytes[5_000_000..<5_000_010]))
            // On a slow machine a connection may be lost, and a request made again.
            let before = fixture.server.requests.map(\.path)
            #expect(before.first == "/file" && before.filter { $0 == "/signed?key=0" }.count >= 2)
            valid.add(1)
            #expect(try source.bytes(10, at: 15_000_000) == Array(Self.file.bytes[15_000_000..<15_000_010]))
            let paths = fixture.server.requests.map(\.path).dropFirst(before.count)
            #expect(paths.contains("/signed?key=0") && paths.contains("/file"))
            #expect(paths.last == "/signed?key=1")
        }
    }

    @Test("secrets go to the origin that they were given for, and to no other")
    func secrets() throws {
        let other = try WebServer(Self.file.served)
        defer { other.stop() }
        let place = other.url("/elsewhere")
        try RemoteFixture.with({ _, connection in connection.answer(307, ["Location: \(place)"]) }) {
            fixture throws in
            let text =
                fixture.server.url("/file").replacing("http://", with: "http://me:secret@") + "?key=hidden"
            let address = try WebAddress(text)
            let object = RemoteObject(
                address,
                credentials: FixedCredentials(
                    for: address, headers: [try HTTPHeader("X-Auth-Token", "secret")]))
            let source = try RemoteOpener.open(object, through: fixture.access)
            #expect(try source.bytes(10, at: 5_000_000) == Array(Self.file.bytes[5_000_000..<5_000_010]))
            #expect(fixture.server.requests.allSatisfy { $0.headers["x-auth-token"] == "secret" })
            #expect(
                fixture.server.requests.allSatisfy {
                    $0.headers["authorization"]?.hasPrefix("Basic ") == true
                })
            #expect(!other.requests.isEmpty)
            #expect(
                other.requests.allSatisfy {
                    $0.headers["authorization"] == nil && $0.headers["x-auth-token"] == nil
                })
            other.stop()
            fixture.server.stop()
            var hurried = fixture.access
            hurried.timeoutInSeconds = 0.5
            let error = try #require(throws: ReadError.self) {
                try RemoteOpener.open(object, through: hurried)
            }
            #expect(!"\(error)".contains("secret") && !"\(error)".contains("hidden"))
        }
    }

    /// A token that the server takes for so many requests.
    private final class Tokens: RequestCredentials {
        let current = Counter()
        let renewals = Counter()

        func headers(for origin: WebOrigin, until deadline: Deadline) -> [HTTPHeader] {
            [HTTPHeader(checked: "X-Auth-Token", "\(current.add(0))")]
        }

        func renew(after answer: Int, until deadline: Deadline) -> Bool {
            renewals.add(1)
            current.add(1)
            return true
        }
    }

    @Test("a token that has ended is renewed, and the object's version asked for; a changed one is stale")
    func renewed() throws {
        let tokens = Tokens()
        let valid = Counter()
        let isReplaced = Counter()
        try RemoteFixture.with({ request, connection in
            guard request.headers["x-auth-token"] == "\(valid.add(0))" else { return connection.answer(401) }
            WebFile(Self.file.bytes, headers: []).answer(request, connection)
        }) { fixture throws in
            let version = ObjectVersion(
                byteCount: UInt64(Self.file.bytes.count), validator: .image(digest: "a", updatedAt: "b"))
            var object = RemoteObject(
                try WebAddress(fixture.server.url("/file")), credentials: tokens, expectedVersion: version)
            object.revalidate = { _ in
                isReplaced.add(0) == 0
                    ? version
                    : ObjectVersion(
                        byteCount: version.byteCount, validator: .image(digest: "c", updatedAt: "d"))
            }
            let source = try RemoteOpener.open(object, through: fixture.access)
            valid.add(1)
            #expect(try source.bytes(10, at: 5_000_000) == Array(Self.file.bytes[5_000_000..<5_000_010]))
            #expect(tokens.renewals.add(0) == 1)
            isReplaced.add(1)
            valid.add(1)
            #expect(throws: ReadError.stale(source: object.name)) { try source.bytes(10, at: 15_000_000) }
        }
    }

    @Test("without a validator it opens, and says what cannot be noticed then")
    func withoutValidator() throws {
        try RemoteFixture.with(WebFile(Self.file.bytes, headers: []).served) { fixture throws in
            let notes = Mutex<[String]>([])
            var access = fixture.access
            access.note = { note in notes.withLock { $0.append(note) } }
            let address = try WebAddress(fixture.server.url("/file?key=hidden"))
            let source = try RemoteOpener.open(RemoteObject(address), through: access)
            #expect(source.versionMark == nil)
            #expect(notes.withLock { $0.count == 1 && !$0[0].contains("hidden") })
        }
    }

    @Test("a source that is let go leaves no memory and no transfer behind")
    func letGo() throws {
        try RemoteFixture.with(Self.file.served) { fixture throws in
            var source: (any ByteSource)? = try fixture.open()
            _ = try source?.bytes(1_000_000, at: 5_000_000)
            #expect(fixture.cache.byteCount > 0)
            source = nil
            let end = MonotonicClock.now + 30
            while fixture.cache.byteCount > 0, MonotonicClock.now < end { fixture.server.rest(0.01) }
            #expect(fixture.cache.byteCount == 0)
        }
    }
}
