// What the tests of this target share: the corpus, seeded random numbers, sources that count.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Synchronization
import SystemPackage

@testable import OVFPackage

/// The sample files beside the project.
enum Corpus {
    static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "shared/corpus")
    static var isPresent: Bool { FileManager.default.fileExists(atPath: folder.path) }
    static let absence = "../shared/corpus is not beside the project"

    static func open(_ path: String) throws -> LocalFile {
        try LocalFile(path: FilePath(folder.appending(path: path).path))
    }

    /// The files beneath the corpus with one of these suffixes, sorted.
    static func files(_ suffixes: String...) -> [String] {
        guard let all = FileManager.default.enumerator(atPath: folder.path) else { return [] }
        return all.compactMap { $0 as? String }
            .filter { path in suffixes.contains { path.lowercased().hasSuffix($0) } }.sorted()
    }
}

/// Numbers that are the same in each run.
struct Mutator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }

    /// `bytes` with a few bytes changed, removed or doubled, or cut short.
    mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
        var result = bytes
        guard !result.isEmpty else { return result }
        for _ in 0...Int.random(in: 0..<4, using: &self) where !result.isEmpty {
            let index = Int.random(in: 0..<result.count, using: &self)
            switch Int.random(in: 0..<6, using: &self) {
            case 0: result.removeLast(result.count - index)
            case 1: result.remove(at: index)
            case 2: result.insert(result[index], at: index)
            case 3: result[index] = UInt8.random(in: 0x20..<0x7f, using: &self)
            case 4: result[index] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            default: result[index] = UInt8.random(in: 0...255, using: &self)
            }
        }
        return result
    }
}

/// A source that counts what is read of it.
final class TallySource: ByteSource {
    private let base: any ByteSource
    private let tally = Mutex((reads: 0, bytes: 0))

    var byteCount: UInt64 { base.byteCount }
    var reads: Int { tally.withLock { $0.reads } }
    var bytesRead: Int { tally.withLock { $0.bytes } }

    init(_ base: any ByteSource) {
        self.base = base
    }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        tally.withLock { $0 = ($0.reads + 1, $0.bytes + count) }
        try base.read(count, at: offset, into: &output)
    }
}

/// A folder for one test, removed with all that is in it.
final class ScratchFolder {
    let url: URL
    var path: FilePath { FilePath(url.path) }

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        let file = url.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
    }
}

extension PackageMember {
    /// The bytes, whole; for tests, whose members are small.
    var contents: [UInt8] { get throws { try source.bytes(Int(byteCount), at: 0) } }
    var displayPath: String {
        components.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
    }
}
