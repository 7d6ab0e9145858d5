// Tests of how far indexes are trusted, and how long they stay.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import TestSupport
import Testing

@testable import CompressedSources

@Suite("What is kept of compressed files")
final class IndexTrustTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private func store(byteLimit: UInt64 = 1 << 30, settlingSeconds: Double = 2) throws -> IndexStore {
        try IndexStore(
            folder: Array(folder.path.utf8), byteLimit: byteLimit, settlingSeconds: settlingSeconds)
    }

    private var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
    }

    @Test("bytes that rotted where no time shows it are never shown by an index, nor called right")
    func rot() throws {
        let content = GzipSourceTests.content(6_000_000)
        let stored = try GzipSourceTests.gzip(content, "-n")
        for cacheByteLimit in [64 << 20, 1 << 20] {
            var context = OpeningContext(cacheByteLimit: cacheByteLimit)
            context.store = try store()
            _ = try context.open(MarkedSource(stored))
            var errors = 0
            for place in stride(from: 100_000, to: stored.count - 100_000, by: stored.count / 7) {
                var rotten = stored
                rotten[place] ^= 0x10
                let source = try context.open(MarkedSource(rotten))
                #expect(source.byteCount == UInt64(content.count))
                for start in stride(from: 0, to: content.count, by: 100_000) {
                    guard let part = try? source.bytes(100_000, at: UInt64(start)) else {
                        errors += 1
                        continue
                    }
                    #expect(content.holds(part, at: start), "byte \(place)")
                }
            }
            #expect(errors > 0)
        }
    }

    @Test("an index is read with whatever memory there is, and one that was made with more stays")
    func littleMemory() throws {
        let content = GzipSourceTests.content(24 << 20)
        let stored = try GzipSourceTests.gzip(content, "-1", "-n")
        var context = OpeningContext()
        context.store = try store()
        _ = try context.open(MarkedSource(stored))
        let name = try #require(try names.first)
        let index = try Data(contentsOf: folder.appending(path: name))
        var counts: Set<Int> = []
        for byteLimit in stride(from: UInt64(1 << 20), to: 12 << 20, by: 300_000) {
            context.budget = OpeningBudget(byteLimit: byteLimit)
            guard let source = try context.open(MarkedSource(stored)) as? UnitSource else { continue }
            counts.insert(source.table.units.count)
            for start in [0, 11 << 20, 24 << 20 - 10_000] {
                #expect(content.holds(try source.bytes(10_000, at: UInt64(start)), at: start))
            }
            #expect(try Data(contentsOf: folder.appending(path: name)) == index)
        }
        #expect(counts.count > 2)
    }

    @Test(
        "a file that was changed a moment ago has no index, as a further change could not be told, and that is said"
    )
    func settling() throws {
        let stored = try GzipSourceTests.gzip(GzipSourceTests.content(100_000), "-n")
        let now = Date().timeIntervalSince1970
        for (changeTime, count) in [(now, 0), (now + 100, 0), (now - 1_000, 1)] {
            var context = OpeningContext()
            let store = try store()
            context.store = store
            _ = try context.open(MarkedSource(stored, changeTime: changeTime))
            #expect(try names.count == count)
            let problems = store.takeProblems()
            #expect(problems.count == 1 - count)
            #expect(problems.allSatisfy { $0.hasSuffix(": it was written just now") }, "\(problems)")
        }
    }

    @Test("two files with one number have an index each")
    func oneNumber() throws {
        let files = try (0..<2).map {
            try GzipSourceTests.gzip(GzipSourceTests.content(2_000_000, seed: UInt64($0)), "-n")
        }
        var context = OpeningContext()
        context.store = try store()
        for file in files { _ = try context.open(MarkedSource(file)) }
        #expect(try names.count == 2)
        for file in files {
            let counted = CountingSource(MemorySource(file))
            _ = try context.open(MarkedSource(counted))
            // The start and the end, which tell what it is.
            #expect(counted.bytesRead < file.count)
        }
    }

    @Test("the folder has a bound: the oldest indexes go first, and what was begun and never ended goes")
    func bound() throws {
        let stored = try GzipSourceTests.gzip(GzipSourceTests.content(3_000_000), "-n")
        var context = OpeningContext()
        context.store = try store()
        _ = try context.open(MarkedSource(stored, number: 1))
        let first = try #require(try names.first)
        let size = try Data(contentsOf: folder.appending(path: first)).count
        for (name, age) in [
            ("\(IndexFolder.suffix).77.99", 100_000), ("\(IndexFolder.suffix).7.9", 1), ("x", 1),
        ] {
            let file = folder.appending(path: name)
            try Data([1]).write(to: file)
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -Double(age))], ofItemAtPath: file.path)
        }
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -100)],
            ofItemAtPath: folder.appending(path: first).path)
        context.store = try store(byteLimit: UInt64(size * 5 / 2))
        #expect(try names.filter { $0.hasPrefix(".") }.count == 1)
        for number in 2...4 { _ = try context.open(MarkedSource(stored, number: UInt64(number))) }
        let left = try names.filter { $0.hasSuffix(IndexFolder.suffix) && !$0.hasPrefix(".") }
        #expect(left.count == 2 && !left.contains(first))
        #expect(try names.contains("x"))
    }

    @Test("what cannot be kept is told once, while opening and later")
    func told() throws {
        let stored = try GzipSourceTests.gzip(GzipSourceTests.content(100_000), "-n")
        var context = OpeningContext()
        let store = try store()
        context.store = store
        for _ in 0..<2 { _ = try context.open(MemorySource(stored)) }
        #expect(store.takeProblems().count == 1)
        let later = Later()
        store.reportProblems { later.add($0) }
        store.note("another")
        #expect(later.notes.withLock { $0 } == ["another"])
        #expect(store.takeProblems() == [])
    }

    @Test("units that are checked one after the other are not each a write of the index")
    func rareWrites() throws {
        let writes = Later()
        do {
            let keeper = IndexKeeper { writes.add("\($0.words)") }
            var checked = CheckedUnits(count: 1_000)
            for unit in 0..<1_000 {
                checked.insert(unit)
                keeper.note(checked)
            }
            #expect(writes.notes.withLock { $0.count } < 100)
        }
        var all = CheckedUnits(count: 1_000)
        all.insertAll()
        #expect(writes.notes.withLock { $0.last } == "\(all.words)")
    }
}

private final class Later: Sendable {
    let notes = SleepingMutex<[String]>([])
    func add(_ note: String) { notes.withLock { $0.append(note) } }
}

/// Bytes that say they are a file which was last changed long ago.
private struct MarkedSource: ByteSource {
    private let base: any ByteSource
    private let number: UInt64
    private let changeTime: Double

    var byteCount: UInt64 { base.byteCount }
    var versionMark: VersionMark? {
        VersionMark(place: [number], version: [base.byteCount], changeTime: changeTime)
    }

    init(_ base: any ByteSource, number: UInt64 = 7, changeTime: Double = 1_000) {
        self.base = base
        self.number = number
        self.changeTime = changeTime
    }

    init(_ bytes: [UInt8], number: UInt64 = 7, changeTime: Double = 1_000) {
        self.init(MemorySource(bytes), number: number, changeTime: changeTime)
    }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try base.read(count, at: offset, into: &output)
    }
}
