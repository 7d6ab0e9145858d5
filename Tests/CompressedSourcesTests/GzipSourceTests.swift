// Tests of gzip files read by offset, made by gzip(1) and changed by hand.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import CompressedSources

@Suite("A gzip file")
struct GzipSourceTests {
    /// Bytes that compress about as well as a disk does: text, noise and zeros.
    static func content(_ byteCount: Int, seed: UInt64 = 1) -> [UInt8] {
        var random = SeededRandom(seed: seed)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount + 5000)
        while bytes.count < byteCount {
            switch UInt8.random(in: 0..<4, using: &random) {
            case 0: bytes += random.bytes(500)
            case 1: bytes += [UInt8](repeating: 0, count: 4000)
            case 2: bytes += Array(bytes[max(0, bytes.count - 3000)...])
            default: bytes += Array("line \(random.next() % 1000) of a log file\n".utf8)
            }
        }
        return Array(bytes.prefix(byteCount))
    }

    /// gzip(1) reads and writes files: a pipe that another test's process inherits would never end.
    static func gzip(_ bytes: [UInt8], _ options: String...) throws -> [UInt8] {
        let manager = FileManager.default
        let file = manager.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        let compressed = file.appendingPathExtension("gz")
        defer { try? manager.removeItem(at: compressed) }
        try Data(bytes).write(to: file)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/gzip")
        process.arguments = options + [file.path]
        try process.run()
        process.waitUntilExit()
        return Array(try Data(contentsOf: compressed))
    }

    static func open(
        _ base: any ByteSource, limit: UInt64 = 1 << 30, lenient: Bool = false,
        budget: OpeningBudget = OpeningBudget()
    ) throws -> UnitSource {
        var context = CompressedSource.Context(
            maximumByteCount: limit, budget: budget, cache: StretchCache(byteLimit: 64 << 20))
        context.isLenient = lenient
        return try GzipFormat.open(base, named: "test.gz", in: context, stored: nil)
    }

    func open(_ bytes: [UInt8], limit: UInt64 = 1 << 30) throws -> UnitSource {
        try Self.open(MemorySource(bytes), limit: limit)
    }

    @Test("the whole content is what was compressed, at every level", arguments: ["-1", "-6", "-9"])
    func whole(level: String) throws {
        let content = Self.content(3_000_000)
        let source = try open(Self.gzip(content, level))
        #expect(source.byteCount == 3_000_000)
        #expect(try source.bytes(3_000_000, at: 0) == content)
        #expect(source.table.units.count >= 2)
    }

    @Test("any part reads as the whole does, forwards and backwards")
    func parts() throws {
        let content = Self.content(6_000_000)
        let source = try open(Self.gzip(content))
        var random = SeededRandom(seed: 9)
        for _ in 0..<200 {
            let start = Int.random(in: 0..<content.count, using: &random)
            let count = Int.random(in: 0...min(200_000, content.count - start), using: &random)
            #expect(try source.bytes(count, at: UInt64(start)) == Array(content[start..<(start + count)]))
        }
        #expect(throws: ReadError.self) { try source.bytes(1, at: 6_000_000) }
    }

    @Test("reading every restart point's surroundings gives the right bytes", arguments: ["-1", "-9"])
    func restartPoints(level: String) throws {
        let content = Self.content(8 << 20, seed: 4)
        let source = try open(Self.gzip(content, level))
        for megabyte in (0..<8).reversed() {
            for offset in [0, 1, 70_000, (1 << 20) - 3] {
                let start = megabyte << 20 + offset
                let end = min(start + 40_000, content.count)
                #expect(try source.bytes(end - start, at: UInt64(start)) == Array(content[start..<end]))
            }
        }
    }

    @Test("a read far ahead does not decode what is before it twice")
    func farAhead() throws {
        var random = SeededRandom(seed: 1)
        let block = random.bytes(1 << 20)
        let content = (0..<16).flatMap { _ in block }
        let stored = CountingSource(MemorySource(try Self.gzip(content, "-1")))
        let source = try Self.open(stored)
        let afterOpening = stored.bytesRead
        _ = try source.bytes(1000, at: 15 << 20)
        #expect(stored.bytesRead - afterOpening < 3 << 20)
        let afterJump = stored.bytesRead
        for step in 0..<8 { _ = try source.bytes(100_000, at: UInt64(15 << 20 + 1000 + step * 100_000)) }
        #expect(stored.bytesRead - afterJump < 2 << 20)
    }

    @Test("several members are one content, and empty ones are nothing")
    func members() throws {
        let parts = (0..<5).map { Self.content($0 * 400_000, seed: UInt64($0)) }
        let source = try open(parts.flatMap { try Self.gzip($0) })
        let content = parts.flatMap { $0 }
        #expect(source.byteCount == UInt64(content.count))
        #expect(try source.bytes(content.count, at: 0) == content)
        for start in stride(from: content.count - 1, to: 0, by: -333_333) {
            let count = min(1000, content.count - start)
            #expect(try source.bytes(count, at: UInt64(start)) == Array(content[start..<(start + count)]))
        }
    }

    @Test(
        "zeros behind a member are left out, at the end and between two members",
        arguments: [1, 3, 17, 300_000])
    func zerosBehindMember(count: Int) throws {
        let content = Self.content(10_000)
        let zeros = [UInt8](repeating: 0, count: count)
        let source = try open(Self.gzip(content) + zeros)
        #expect(source.byteCount == 10_000)
        #expect(try source.bytes(10_000, at: 0) == content)
        let two = try open(Self.gzip(content) + zeros + Self.gzip(content) + zeros)
        #expect(try two.bytes(20_000, at: 0) == content + content)
    }

    @Test(
        "other bytes behind a member are damage, with zeros before them or not; lenient leaves them out",
        arguments: [
            [7], [0, 0, 1], Array("garbage of some length".utf8), [0x1f, 0x8b, 8],
            [0x1f, 0x8b, 9]
                + Array(repeating: 0x33, count: 40),
            // Flags that are reserved.
            [0x1f, 0x8b, 8, 0xe0] + Array(repeating: 0x33, count: 40),
        ] as [[UInt8]])
    func garbage(bytes: [UInt8]) throws {
        let content = Self.content(10_000)
        let stored = try Self.gzip(content) + bytes
        let error = #expect(throws: ReadError.self) { try self.open(stored) }
        #expect(error?.remedy == .lenient)
        let source = try Self.open(MemorySource(stored), limit: 1 << 20, lenient: true)
        #expect(try source.bytes(Int(source.byteCount), at: 0) == content)
    }

    @Test("a damaged header of a later member is an error, never a shorter content")
    func laterHeader() throws {
        let first = try Self.gzip(Self.content(10_000), "-n")
        let second = try Self.gzip(Self.content(20_000, seed: 2), "-n")
        // Flags, time, extra flags and system of a header can be anything that makes sense.
        for bit in 0..<24 {
            var bytes = first + second
            bytes[first.count + bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: ReadError.self, "bit \(bit)") { try self.open(bytes) }
        }
    }

    @Test("names, comments, extra fields and header checksums are skipped")
    func headerFields() throws {
        let plain = try Self.gzip([1, 2, 3], "-n")
        let header: [UInt8] = [0x1f, 0x8b, 8, 4 + 8 + 16 + 2, 0, 0, 0, 0, 0, 3]
        let fields: [UInt8] = [3, 0, 9, 9, 9] + Array("name\u{0}comment\u{0}".utf8) + [0xaa, 0xbb]
        #expect(try open(header + fields + plain.dropFirst(10)).bytes(3, at: 0) == [1, 2, 3])
    }

    @Test("an empty content is a source of no bytes")
    func empty() throws {
        #expect(try open(Self.gzip([])).byteCount == 0)
    }

    @Test("a wrong checksum or length in the trailer is an error", arguments: [8, 4, 1])
    func trailer(fromEnd: Int) throws {
        var bytes = try Self.gzip(Self.content(10_000))
        bytes[bytes.count - fromEnd] ^= 1
        #expect(throws: ReadError.self) { try self.open(bytes) }
    }

    @Test("a file cut short is an error", arguments: [1, 8, 9, 500])
    func cutShort(missing: Int) throws {
        let bytes = try Self.gzip(Self.content(10_000))
        #expect(throws: ReadError.self) { try self.open(Array(bytes.dropLast(missing))) }
    }

    @Test(
        "what is no gzip file is refused",
        arguments: [[], [0x1f], [0x1f, 0x8b, 8, 0xe0], Array(repeating: 0x41, count: 100)] as [[UInt8]])
    func noGzip(bytes: [UInt8]) {
        #expect(throws: ReadError.self) { try self.open(bytes) }
        #expect(throws: ReadError.self) { try self.open(bytes + [UInt8](repeating: 0, count: 30)) }
    }

    @Test("a file that decodes to more than is expected of it is refused")
    func bomb() throws {
        let bomb = try Self.gzip([UInt8](repeating: 0, count: 32 << 20))
        let limit = CompressedSource.maximumByteCount(forCapacity: 1 << 20)
        let start = ContinuousClock.now
        #expect(throws: ReadError.self) { try self.open(bomb, limit: 1 << 20) }
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(limit < 128 << 20)
        #expect(
            CompressedSource.maximumByteCount(forCapacity: .max)
                == CompressedSource.maximumByteCount(forCapacity: nil))
    }

    @Test("the index stays within its bound, whatever the length")
    func indexBound() {
        var index = GzipIndex(budget: OpeningBudget())
        var offset: UInt64 = 0
        for _ in 0..<20_000 {
            if index.wantsPoint(at: offset, 0) {
                index.add(
                    GzipRestartPoint(
                        outputOffset: offset, inputOffset: 0, bitCount: 0, bits: 0, window: [],
                        isMemberStart: false))
            }
            offset += 1 << 20
        }
        #expect(index.points.count <= GzipIndex.maximumPointCount)
        #expect(index.points.first?.outputOffset == 0)
        #expect(index.spacing > 1 << 20)
        let before = index.points.last { $0.outputOffset <= 5 << 30 }
        #expect(before.map { 5 << 30 - $0.outputOffset < 2 * index.spacing } == true)
    }

    @Test("threads that read at once get the right bytes")
    func threads() throws {
        let content = Self.content(4_000_000)
        let source = try open(Self.gzip(content))
        let wrong = WrongReads()
        WorkerThread.concurrently(4) { worker in
            var random = SeededRandom(seed: UInt64(worker))
            for _ in 0..<60 {
                let start = Int.random(in: 0..<(content.count - 50_000), using: &random)
                let bytes = try? source.bytes(50_000, at: UInt64(start))
                if bytes != Array(content[start..<(start + 50_000)]) { wrong.add() }
            }
        }
        #expect(wrong.count == 0)
    }

    @Test("changed bytes never trap, and never read as something else", arguments: [UInt64(1), 2])
    func mutations(seed: UInt64) throws {
        let content = Self.content(60_000)
        let good = try Self.gzip(content)
        var random = SeededRandom(seed: seed)
        for _ in 0..<500 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            if Bool.random(using: &random) {
                bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
            }
            guard let source = try? open(bytes, limit: 1 << 24) else { continue }
            #expect(try source.bytes(Int(source.byteCount), at: 0) == content)
        }
    }
}

/// How many reads were wrong, on any thread.
private final class WrongReads: Sendable {
    private let value = Atomic<Int>(0)
    var count: Int { value.load(ordering: .relaxed) }
    func add() { value.add(1, ordering: .relaxed) }
}
