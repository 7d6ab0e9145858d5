// Tests of what is kept of compressed files for the next time.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import CompressedSources

@Suite("The folder of indexes")
struct IndexStoreTests {
    /// A folder for one test, with a compressed file and a place for indexes.
    private final class Place {
        let folder: URL
        let file: URL
        let content: [UInt8]
        private(set) var stored: [UInt8]
        var indexes: [UInt8] { Array(folder.appending(path: "cache").path.utf8) }

        init(
            _ format: CompressedCase, _ content: [UInt8] = GzipSourceTests.content(3_000_000),
            change: ([UInt8]) throws -> [UInt8] = { $0 }
        ) throws {
            folder = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            file = folder.appending(path: "file")
            self.content = content
            stored = try change(format.compress(content))
            try Data(stored).write(to: file)
        }

        deinit {
            try? FileManager.default.removeItem(at: folder)
        }

        /// Opens the file.
        /// - Returns: It, and how much of it was read for that.
        func open(
            maximumByteCount: UInt64 = 1 << 30, cacheByteLimit: Int = 1 << 20
        ) throws -> (source: any ByteSource, store: IndexStore, meter: ReadMeter) {
            let store = try IndexStore(folder: indexes, settlingSeconds: 0)
            let meter = ReadMeter()
            let local = try LocalFile(path: .init(file.path))
            var context = OpeningContext(cacheByteLimit: cacheByteLimit, maximumByteCount: maximumByteCount)
            context.store = store
            return (try context.open(MeteredSource(local, countedBy: meter)), store, meter)
        }

        func check(_ source: any ByteSource) throws {
            #expect(try source.bytes(content.count, at: 0).holds(content, at: 0))
            for start in stride(from: content.count - 5_000, to: 0, by: -600_000) {
                #expect(content.holds(try source.bytes(5_000, at: UInt64(start)), at: start))
            }
        }

        var index: URL {
            get throws {
                let names = try FileManager.default.contentsOfDirectory(
                    atPath: folder.appending(path: "cache").path)
                return folder.appending(path: "cache/" + (try #require(names.first)))
            }
        }
    }

    private static let formats = [
        CompressedCase.gzip[0], CompressedCase.bzip2[1], CompressedCase.zstd[0], CompressedCase.xz[0],
    ]

    private func place(_ format: CompressedCase) throws -> Place {
        // Of zstd, a frame that does not say how long it is.
        try Place(format) { format.command[0] == "zstd" ? try ZstdParts.withoutContentSize($0) : $0 }
    }

    @Test("the second time, nothing is decoded to open", arguments: formats)
    func second(_ format: CompressedCase) throws {
        let place = try place(format)
        let first = try place.open()
        try place.check(first.source)
        #expect(first.meter.byteCount >= UInt64(place.stored.count))
        let second = try place.open()
        // The head and the tail, and of xz the index; what the file starts with is looked at.
        #expect(second.meter.byteCount < 200_000)
        _ = try second.source.bytes(10, at: 0)
        #expect(second.meter.byteCount < 600_000)
        try place.check(second.source)
        #expect(first.store.takeProblems() == [] && second.store.takeProblems() == [])
    }

    @Test("a gzip file with a large hole is kept")
    func holes() throws {
        let data = GzipSourceTests.content(1_000_000)
        // gzip(1) makes one block of 8 MiB of zeros.
        let holes = try Place(
            CompressedCase.gzip[0], data + [UInt8](repeating: 0, count: 40 << 20) + data)
        let first = try holes.open()
        #expect(first.store.takeProblems() == [])
        let second = try holes.open()
        #expect(second.meter.byteCount < 300_000)
        try holes.check(second.source)
    }

    @Test("an index with any byte wrong, or cut, is as good as none, and written again", arguments: formats)
    func damaged(_ format: CompressedCase) throws {
        let place = try place(format)
        try place.check(place.open().source)
        let right = try Data(contentsOf: place.index)
        for position in stride(from: 0, to: right.count, by: max(1, right.count / 25)) {
            var wrong = right
            wrong[position] ^= 0x20
            try wrong.write(to: place.index)
            let opened = try place.open()
            try place.check(opened.source)
            #expect(try Data(contentsOf: place.index) == right, "byte \(position)")
        }
        try right.dropLast(9).write(to: place.index)
        try place.check(place.open().source)
        #expect(try Data(contentsOf: place.index) == right)
    }

    @Test("a file that was replaced or written to has another index", arguments: formats)
    func stale(_ format: CompressedCase) throws {
        let place = try place(format)
        _ = try place.open().source.bytes(1, at: 0)
        let old = try Data(contentsOf: place.index)
        // Of the same length, at the same place, with the same times.
        let attributes = try FileManager.default.attributesOfItem(atPath: place.file.path)
        let handle = try FileHandle(forWritingTo: place.file)
        try handle.seek(toOffset: UInt64(place.stored.count / 2))
        try handle.write(contentsOf: Data([place.stored[place.stored.count / 2] ^ 1]))
        try handle.close()
        try FileManager.default.setAttributes(
            [.modificationDate: try #require(attributes[.modificationDate])], ofItemAtPath: place.file.path)
        // It is damaged now, and the old index does not hide that.
        #expect(throws: ReadError.self) {
            let source = try place.open().source
            _ = try source.bytes(Int(source.byteCount), at: 0)
        }
        try Data(place.stored).write(to: place.file)
        try place.check(place.open().source)
        #expect(try Data(contentsOf: place.index) != old)
    }

    @Test("an index that cannot be written is a problem, and none for who opens the file")
    func unwritable() throws {
        let place = try place(CompressedCase.gzip[0])
        try place.check(place.open().source)
        // A folder where the index should be: it cannot be replaced.
        let index = try place.index
        try FileManager.default.removeItem(at: index)
        try FileManager.default.createDirectory(
            at: index.appending(path: "x"), withIntermediateDirectories: true)
        let opened = try place.open()
        try place.check(opened.source)
        let problems = opened.store.takeProblems()
        #expect(problems.count == 1 && problems[0].contains("write an index"))
        #expect(opened.store.takeProblems() == [])
        let names = try FileManager.default.contentsOfDirectory(
            atPath: index.deletingLastPathComponent().path)
        #expect(names == [index.lastPathComponent])
    }

    @Test("a folder that others may write to is refused")
    func unsafeFolder() throws {
        let place = try place(CompressedCase.gzip[0])
        _ = try place.open()
        let folder = place.folder.appending(path: "cache").path
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder)
        #expect(throws: ReadError.self) { try IndexStore(folder: place.indexes) }
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder)
        // Nor is an index read that others may write to, or that is a link.
        let index = try place.index
        try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: index.path)
        let opened = try place.open()
        #expect(opened.meter.byteCount >= UInt64(place.stored.count))
        try FileManager.default.moveItem(at: index, to: place.folder.appending(path: "moved"))
        try FileManager.default.createSymbolicLink(
            at: index, withDestinationURL: place.folder.appending(path: "moved"))
        #expect(try place.open().meter.byteCount >= UInt64(place.stored.count))
    }

    @Test("what is expected of a file bounds what an index says, too")
    func bound() throws {
        for format in Self.formats.prefix(3) {
            let place = try place(format)
            _ = try place.open()
            #expect(throws: ReadError.self) { try place.open(maximumByteCount: 1_000_000) }
        }
    }

    @Test("an index whose checksum is right and whose numbers cannot be is as good as none")
    func impossible() throws {
        let place = try place(CompressedCase.bzip2[1])
        _ = try place.open()
        let store = try IndexStore(folder: place.indexes, settlingSeconds: 0)
        let local = try LocalFile(path: .init(place.file.path))
        let stored = try store.place(of: local, named: "file", .bzip2, budget: OpeningBudget())
        let share = BudgetShare(of: OpeningBudget())
        var table = UnitTable()
        try table.add(
            CompressedUnit(stored: 32..<(local.byteCount * 8 + 1), decodedByteCount: 1), in: "test")
        stored.save(table, checked: CheckedUnits(count: 1))
        #expect(try stored.table(share: share, within: 1 << 60) == nil)
        stored.save(UnitTable(), checked: CheckedUnits(count: 64))
        #expect(try stored.table(share: share, within: 1 << 60) == nil)
        try place.check(place.open().source)
    }
}
