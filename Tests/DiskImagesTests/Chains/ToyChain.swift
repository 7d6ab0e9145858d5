// A format of the tests' own, whose images say of every block what it is and which file they build on.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport

@testable import DiskImages

/// Blocks of 512 bytes, a letter each: `a` absent, `z` zeros, `s` stored, `d` damaged.
struct ToyChain: DiskImage {
    let format = DiskFormat("toy-chain")
    let virtualByteCount: UInt64
    let clusterByteCount = 0
    let warnings: [String] = []
    let parent: ParentReference?
    let identity: ImageIdentity?
    private let blocks: [UInt8]
    private let dataStart: UInt64

    static let blockByteCount: UInt64 = 512

    var allocatedByteCount: UInt64 { UInt64(blocks.count { $0 == UInt8(ascii: "s") }) * Self.blockByteCount }

    init(_ record: OnDiskRecord) throws(ReadError) {
        let lines = record.bytes.split(
            separator: UInt8(ascii: "\n"), maxSplits: 5, omittingEmptySubsequences: false)
        guard lines.count == 6 else { throw record.corrupt(at: 0, "no toy") }
        blocks = Array(lines[1])
        virtualByteCount = UInt64(blocks.count) * Self.blockByteCount
        identity = lines[2].isEmpty ? nil : .vhd(Array(lines[2]))
        let content: ParentReference.Content =
            switch String(decoding: lines[4], as: UTF8.self) {
            case "raw": .raw
            case "unstated": .unstated
            case "toy": .family("toy")
            default: .recognised
            }
        let names = lines[3].split(separator: UInt8(ascii: "|")).map { Array($0) }
        parent =
            names.isEmpty
            ? nil
            : ParentReference(
                names: Array(names.dropFirst()), content: content,
                identities: names[0] == [UInt8(ascii: "-")] ? [] : [.vhd(names[0])])
        dataStart = UInt64(record.bytes.count - lines[5].count)
    }

    func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        let block = offset / Self.blockByteCount
        let storage: Extent.Storage =
            switch blocks[Int(block)] {
            case UInt8(ascii: "a"): .absent
            case UInt8(ascii: "z"): .zeros
            case UInt8(ascii: "s"): .stored(at: dataStart + block * Self.blockByteCount)
            default: .damaged(.corrupt(record: "toy", offset: block, reason: "damaged on purpose"))
            }
        return Extent(
            guestOffset: block * Self.blockByteCount, byteCount: Self.blockByteCount, storage: storage)
    }

    /// The bytes of an image whose stored blocks are filled with `fill`. `parent` is an identity, or `-`, and names with
    /// `|` between them.
    static func file(
        _ blocks: String, fill: UInt8, parent: String = "", content: String = "", identity: String = ""
    ) -> [UInt8] {
        Array("TOYCHAIN\n\(blocks)\n\(identity)\n\(parent)\n\(content)\n".utf8)
            + [UInt8](repeating: fill, count: blocks.utf8.count * Int(blockByteCount))
    }
}

enum ToyChainFormat: DiskImageFormat {
    static let name = "toy"

    static func recognises(_ head: ArraySlice<UInt8>, of source: any ByteSource) -> Bool {
        head.starts(with: Array("TOYCHAIN\n".utf8))
    }

    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        try ToyChain(try reader.record("toy", byteCount: Int(reader.byteCount), at: 0))
    }
}

/// Files in memory.
struct MemoryNeighbours: NeighbourFiles {
    var files: [String: [UInt8]]
    /// Where they are, from the root on; nil for nowhere.
    var folder: [String]?

    func isFolder(at path: [[UInt8]]) -> Bool { folder.map { $0.map { Array($0.utf8) } == path } ?? false }

    func file(named name: [UInt8]) throws(ReadError) -> NeighbourFile? {
        let name = String(decoding: name, as: UTF8.self)
        guard let bytes = files[name], let index = files.keys.sorted().firstIndex(of: name) else {
            return nil
        }
        return NeighbourFile(MemorySource(bytes), named: name, key: FileKey([UInt64(index)]))
    }

    func names(atMost limit: Int) -> [[UInt8]] { files.keys.sorted().prefix(limit).map { Array($0.utf8) } }

    /// The disk of the file called `name`.
    func disk(_ name: String, lenient: Bool = false) throws(ReadError) -> GuestDisk {
        let cache = ClusterCache(byteLimit: 16 << 20)
        guard let file = try file(named: Array(name.utf8)) else { preconditionFailure("no file \(name)") }
        return GuestDisk(
            try ChainOpener.open(
                file.source, named: name, key: file.key, in: cache,
                options: .init(lenient: lenient, budget: OpeningBudget(), formats: [ToyChainFormat.self]),
                neighbours: self), cache: cache)
    }
}
