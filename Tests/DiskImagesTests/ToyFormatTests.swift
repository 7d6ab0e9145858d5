// A disk format that is only here: the example of CONTRIBUTING.md.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

/// A toy disk: `TOYDISK1`, the number of blocks (32 bits, lowest byte first), and a byte for each block of 512 bytes: 0
/// never written, else the number of its place in the file, counted in blocks.
struct ToyImage: DiskImage {
    let format = DiskFormat("toy")
    let virtualByteCount: UInt64
    let clusterByteCount = 0
    let warnings: [String] = []
    let allocatedByteCount: UInt64

    private static let blockByteCount: UInt64 = 512
    private static let headerByteCount = 12

    private let entries: OnDiskRecord
    private let rules: PlaceRules
    private let share: BudgetShare

    init(_ reader: OpeningReader, options: DiskImageOpener.Options) throws(ReadError) {
        let header = try reader.record("toy header", byteCount: Self.headerByteCount, at: 0)
        let blockCount = UInt64(try header.littleEndian(UInt32.self, at: 8))
        guard blockCount <= reader.byteCount else {
            throw header.corrupt(at: 8, "\(blockCount) blocks are more than the file has room for entries")
        }
        share = BudgetShare(of: options.budget)
        try share.take(blockCount, for: "entries of \(reader.imageName)")
        entries = try reader.record(
            "toy entries", byteCount: Int(blockCount), at: UInt64(Self.headerByteCount))
        virtualByteCount = blockCount * Self.blockByteCount
        allocatedByteCount = UInt64(entries.bytes.count { $0 != 0 }) * Self.blockByteCount
        rules = PlaceRules(
            fileByteCount: reader.byteCount, dataStart: UInt64(Self.headerByteCount) + blockCount)
    }

    func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        let block = offset / Self.blockByteCount
        let entry = UInt64(try entries.littleEndian(UInt8.self, at: Int(block)))
        return Extent(
            guestOffset: block * Self.blockByteCount, byteCount: Self.blockByteCount,
            storage: storage(entry, block))
    }

    private func storage(_ entry: UInt64, _ block: UInt64) -> Extent.Storage {
        guard entry != 0 else { return .absent }
        let start = entry * Self.blockByteCount
        if let problem = rules.problem(at: start, byteCount: Self.blockByteCount) {
            return .damaged(entries.corrupt(at: Int(block), problem.text(of: "block")))
        }
        return .stored(at: start)
    }
}

enum ToyFormat: DiskImageFormat {
    static let name = "toy"

    static func recognises(_ head: ArraySlice<UInt8>, of source: any ByteSource) -> Bool {
        head.starts(with: Array("TOYDISK1".utf8))
    }

    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        try ToyImage(reader, options: options)
    }
}

@Suite("Adding a format")
struct ToyFormatTests {
    /// A toy disk of one block for each entry, and what the guest reads; a place is filled with its number.
    private func toy(_ entries: [UInt8], places: Int = 8) -> (file: [UInt8], guest: [UInt8]) {
        var file = Array("TOYDISK1".utf8) + [UInt8](repeating: 0, count: 4) + entries
        file.put(UInt32(entries.count), at: 8)
        file.padToSector()
        for place in 1..<places { file += [UInt8](repeating: UInt8(place), count: 512) }
        return (file, entries.flatMap { [UInt8](repeating: $0, count: 512) })
    }

    private func open(_ file: [UInt8]) throws(ReadError) -> OpenedImage {
        try OpenedImage(
            MemorySource(file), options: .init(budget: OpeningBudget(), formats: [ToyFormat.self]))
    }

    @Test("a format that is handed in conforms")
    func conforms() throws {
        let (file, guest) = toy([3, 0, 1, 2, 0, 0, 7])
        let opened = try open(file)
        #expect(opened.image.format == DiskFormat("toy"))
        #expect(opened.violations(expected: guest, clusterByteCount: 512) == [])
        // Without it, the same bytes are a raw disk.
        #expect(try OpenedImage(MemorySource(file)).image.format == .raw)
    }

    @Test("damage of one block is an error of that block")
    func damage() throws {
        let (file, guest) = toy([3, 200, 1])
        #expect(
            try open(file).violations(expected: guest, damaged: [512..<1_024], clusterByteCount: 512) == [])
    }

    @Test("what describes the image may be damaged, and nothing is taken for a raw disk")
    func header() throws {
        #expect(throws: ReadError.self) { try open(Array("TOYDISK1".utf8)) }
        var (file, _) = toy([1])
        file.put(UInt32.max, at: 8)
        #expect(throws: ReadError.self) { try open(file) }
    }
}
