// Tests of copies of disks: exact, sparse, and never a partial file that looks finished.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Appliance

@Suite("Copying a disk")
struct CopyingTests {
    private static func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    private static func expectNames(_ expected: [String], in folder: URL) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names == expected)
    }

    private static func disk(_ package: TestPackage) throws -> any ByteSource {
        try #require(try package.open().disks[0].source)
    }

    @Test(
        "a copy has the disk's bytes and its holes; its name appears when it is complete", arguments: [1, 4])
    func exact(threadCount: Int) throws {
        try Self.withFolder { folder in
            var grains = [GrainContent](repeating: .absent, count: 200)
            grains[3] = .noise
            grains[190] = .text
            var builder = StreamOptimizedBuilder(grains)
            builder.grainSizeInSectors = 128
            let built = builder.build()
            let path = FilePath(folder.appending(path: "out.raw").path)
            let output = try OutputFile(path: path, byteCount: UInt64(built.guest.count), overwrites: false)
            let copy = DiskCopy(of: try Self.disk(.simple(built)), to: output)
            try copy.run(threadCount: threadCount)
            try Self.expectNames(["out.raw.partial"], in: folder)
            try output.finish()
            try Self.expectNames(["out.raw"], in: folder)
            let file = try LocalFile(path: path)
            #expect(try file.bytes(built.guest.count, at: 0) == built.guest)
            #expect(file.allocatedByteCount <= 4 * 65_536)
            #expect(copy.progress == UInt64(built.guest.count))
        }
    }

    @Test("a file that is there is left alone unless it may be replaced")
    func existing() throws {
        try Self.withFolder { folder in
            let url = folder.appending(path: "out.raw")
            try Data("old".utf8).write(to: url)
            #expect(throws: CopyError.exists(FilePath(url.path))) {
                try OutputFile(path: FilePath(url.path), byteCount: 512, overwrites: false)
            }
            try Self.expectNames(["out.raw"], in: folder)
            let output = try OutputFile(path: FilePath(url.path), byteCount: 512, overwrites: true)
            #expect(try Data(contentsOf: url) == Data("old".utf8))
            try output.finish()
            #expect(try Data(contentsOf: url) == Data(repeating: 0, count: 512))
        }
    }

    @Test("a file that came to be there during the copy is left alone unless it may be replaced")
    func raced() throws {
        try Self.withFolder { folder in
            let url = folder.appending(path: "out.raw")
            for overwrites in [false, true] {
                try? FileManager.default.removeItem(at: url)
                let output = try OutputFile(path: FilePath(url.path), byteCount: 512, overwrites: overwrites)
                try Data("new".utf8).write(to: url)
                if overwrites {
                    try output.finish()
                    #expect(try Data(contentsOf: url) == Data(repeating: 0, count: 512))
                } else {
                    #expect(throws: CopyError.self) { try output.finish() }
                    output.discard()
                    #expect(try Data(contentsOf: url) == Data("new".utf8))
                }
                try Self.expectNames(["out.raw"], in: folder)
            }
        }
    }

    @Test("a durable copy is the same copy; discarding what is finished closes nothing of someone else's")
    func durable() throws {
        try Self.withFolder { folder in
            let path = FilePath(folder.appending(path: "out.raw").path)
            let output = try OutputFile(path: path, byteCount: 4096, overwrites: false)
            try DiskCopy(of: MemorySource([UInt8](repeating: 5, count: 4096)), to: output).run(threadCount: 1)
            try output.finish(isDurable: true)
            let other = try LocalFile(path: path)
            output.discard()
            #expect(try other.bytes(4096, at: 0) == [UInt8](repeating: 5, count: 4096))
            try Self.expectNames(["out.raw"], in: folder)
        }
    }

    @Test("what an interrupted copy left is begun anew; what another copy writes, or a link, is left alone")
    func partial() throws {
        try Self.withFolder { folder in
            let path = FilePath(folder.appending(path: "out.raw").path)
            let partial = folder.appending(path: "out.raw.partial")
            try Data(repeating: 7, count: 4096).write(to: partial)
            let output = try OutputFile(path: path, byteCount: 512, overwrites: false)
            #expect(throws: CopyError.self) {
                try OutputFile(path: path, byteCount: 512, overwrites: false)
            }
            try output.finish()
            #expect(try Data(contentsOf: URL(filePath: path.string)) == Data(repeating: 0, count: 512))
            let other = folder.appending(path: "other")
            try Data("kept".utf8).write(to: other)
            try FileManager.default.createSymbolicLink(at: partial, withDestinationURL: other)
            #expect(throws: CopyError.self) {
                try OutputFile(path: path, byteCount: 512, overwrites: true)
            }
            #expect(try Data(contentsOf: other) == Data("kept".utf8))
        }
    }

    @Test("a copy that fails ends with the first error, and leaves nothing when it is discarded")
    func failure() throws {
        try Self.withFolder { folder in
            let bytes = [UInt8](repeating: 9, count: 8 << 20)
            let source = FailingSource(MemorySource(bytes), failingIn: (5 << 20)..<(5 << 20) + 1)
            let path = FilePath(folder.appending(path: "out.raw").path)
            let output = try OutputFile(path: path, byteCount: UInt64(bytes.count), overwrites: false)
            #expect(throws: CopyError.source(FailingSource.failure)) {
                try DiskCopy(of: source, to: output).run(threadCount: 2)
            }
            output.discard()
            try Self.expectNames([], in: folder)
        }
    }

    @Test("a hole is left out as a whole, however long it is")
    func hugeHole() throws {
        let disk = ZeroSource(byteCount: 1 << 62)
        let output = try OutputTarget(at: "/dev/null", overwrites: false)
            .open(byteCount: disk.byteCount, overwrites: false)
        let copy = DiskCopy(of: disk, to: output)
        try copy.run(threadCount: 2)
        try output.finish(isDurable: false)
        #expect(copy.progress == disk.byteCount)
        #expect(copy.copiedByteCount == 0)
    }

    @Test("a disk longer than any file can be is refused before anything is made")
    func tooLong() throws {
        try Self.withFolder { folder in
            #expect(throws: CopyError.self) {
                try OutputFile(
                    path: FilePath(folder.appending(path: "x").path), byteCount: .max, overwrites: false)
            }
            try Self.expectNames([], in: folder)
        }
    }
}
