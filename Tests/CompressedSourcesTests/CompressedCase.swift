// What every compressed format is tested with: its program, and how a file of it is opened.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import CompressedSources

/// A way to compress.
struct CompressedCase: CustomTestStringConvertible, Sendable {
    let command: [String]
    /// Units that hold something, of 3,000,000 bytes; nil where that depends on the program.
    var unitCount: Int?

    var testDescription: String { command.joined(separator: " ") }

    static let xz = [
        CompressedCase(command: ["xz", "-1"], unitCount: 1),
        CompressedCase(command: ["xz", "-9", "--check=sha256"], unitCount: 1),
        CompressedCase(command: ["xz", "--check=none"], unitCount: 1),
        CompressedCase(command: ["xz", "-T2", "--block-size=400000", "--check=crc32"], unitCount: 8),
        CompressedCase(
            command: ["xz", "-1", "--x86", "--lzma2=dict=64KiB", "--block-size=1000000"], unitCount: 3),
    ]
    static let zstd = [
        CompressedCase(command: ["zstd", "-q"], unitCount: 1),
        CompressedCase(command: ["zstd", "-q", "-19", "--long=27", "--no-check"], unitCount: 1),
        CompressedCase(command: ["zstd", "-q", "-T2", "-B200000"], unitCount: 1),
        CompressedCase(command: ["pzstd", "-q", "-p", "2"], unitCount: nil),
    ]
    static let bzip2 = [
        CompressedCase(command: ["bzip2", "-9"], unitCount: nil),
        CompressedCase(command: ["bzip2", "-1"], unitCount: nil),
    ]
    static let gzip = [
        CompressedCase(command: ["gzip", "-6"], unitCount: nil),
        CompressedCase(command: ["pigz", "-p", "2"]),
    ]
    static let all = xz + zstd + bzip2 + gzip
    static let ofUnits = all

    func compress(_ bytes: [UInt8]) throws -> [UInt8] { try CompressionProgram.compress(bytes, command) }
}

/// How the tests open a file.
struct OpeningContext {
    var cacheByteLimit = 64 << 20
    var budget = OpeningBudget()
    var isLenient = false
    var maximumByteCount: UInt64 = 1 << 30
    var threadCount = 2
    var progress: OpeningProgress?
    var store: IndexStore?
    var phase = OpeningPhase()
    var workers: UnitWorkers?
    /// Else what fails once is not tried again for a while.
    var failureSeconds = 0.0

    func open(_ base: any ByteSource) throws -> any ByteSource {
        var context = CompressedSource.Context(
            maximumByteCount: maximumByteCount, budget: budget, cache: StretchCache(byteLimit: cacheByteLimit)
        )
        context.isLenient = isLenient
        context.threadCount = threadCount
        context.progress = progress
        context.store = store
        context.phase = phase
        context.workers = workers
        context.failureSeconds = failureSeconds
        struct NotCompressed: Error {}
        guard let source = try CompressedSource.decoding(base, named: "file", in: context) else {
            throw NotCompressed()
        }
        return source
    }

    func open(_ bytes: [UInt8]) throws -> any ByteSource { try open(MemorySource(bytes)) }
}
