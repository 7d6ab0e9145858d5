// The cases about bytes that are stored as the guest reads them: a raw disk, one in chunks, a hole.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import Glibc
import SystemPackage
import TestSupport

/// Cases on a raw disk of 64 MiB, in a local file that lives no longer than its descriptor.
enum StoredCases {
    static let all = [rawRead, chunkRead, holeGather]

    private static let byteCount: UInt64 = 64 << 20
    private static let chunkCount: UInt64 = 1_024
    private static let pageByteCount = 4_096

    private static let rawRead = BenchmarkCase(
        "raw-read", "gather 4 KiB of a raw disk, as a mount does", isShort: true
    ) {
        let file = try makeFile(filledWith: 7)
        return try gathering(pageByteCount, of: "disk.img") { MeteredSource(file, countedBy: $0) }
    }

    private static let chunkRead = BenchmarkCase(
        "chunk-read", "gather 4 KiB of a raw disk in 1,024 chunks of an archive", isShort: true
    ) {
        let file = try makeFile(filledWith: 7)
        return try gathering(pageByteCount, of: "disk.img") { meter throws(ReadError) in
            let archive = MeteredSource(file, countedBy: meter)
            let chunkByteCount = byteCount / chunkCount
            var chunks: [any ByteSource] = []
            for number in 0..<chunkCount {
                chunks.append(
                    try SubrangeSource(
                        of: archive, from: number * chunkByteCount, byteCount: chunkByteCount, named: "chunk")
                )
            }
            return try ConcatenatedSource(chunks, named: "disk.img")
        }
    }

    private static let holeGather = BenchmarkCase(
        "hole-gather", "gather 1 MiB of a hole of a sparse raw disk", isShort: true
    ) {
        let file = try makeFile(filledWith: nil)
        return try gathering(1 << 20, of: "disk.img") { MeteredSource(file, countedBy: $0) }
    }

    /// Gathers `length` bytes at random places of a raw disk in `source`.
    private static func gathering(
        _ length: Int, of name: String, source: (ReadMeter) throws(ReadError) -> any ByteSource
    ) throws -> PreparedCase {
        let meter = ReadMeter()
        let opened = try OpenedImage(try source(meter), named: name)
        let lists = ObjectPool<GatherList>()
        var random = SeededRandom(seed: 3)
        let pieces = byteCount / UInt64(length)
        let offsets = (0..<256).map { _ in random.next() % pieces * UInt64(length) }
        return PreparedCase(
            run: { count in
                for number in 0..<count {
                    try lists.withObject { list throws(ReadError) in
                        list.reserve(length)
                        try opened.disk.gather(length, at: offsets[number & 255], into: list)
                        precondition(list.byteCount == length, "the list is short")
                    }
                }
            }, sourceByteCount: { meter.byteCount })
    }

    /// A file without a name, full of `byte`, or one hole.
    private static func makeFile(filledWith byte: UInt8?) throws -> LocalFile {
        let path = FilePath("/tmp/ovafs-benchmark-\(UInt64.random(in: 0 ... .max))")
        let descriptor = try FileDescriptor.open(
            path, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec],
            permissions: [.ownerReadWrite])
        do {
            try remove(path)
            if let byte {
                let block = [UInt8](repeating: byte, count: 1 << 20)
                for _ in 0..<(byteCount >> 20) { try descriptor.writeAll(block) }
            } else {
                try descriptor.resize(to: Int64(byteCount))
            }
        } catch {
            try? descriptor.close()
            throw error
        }
        return try LocalFile(adopting: descriptor, path: path)
    }

    private static func remove(_ path: FilePath) throws {
        guard unsafe path.withPlatformString({ unsafe unlink($0) }) == 0 else {
            throw MissingInput(description: "\(path) cannot be removed")
        }
    }
}
