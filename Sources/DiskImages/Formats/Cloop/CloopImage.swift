// A compressed loop disk, as Knoppix and others carry.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension DiskFormat {
    package static let cloop = DiskFormat("cloop")
}

/// The map of a cloop file: a list of places, each of a block's zlib data, which ends where the next one starts.
/// Spec: none; QEMU, block/cloop.c, and cloop, create_compressed_fs.
struct CloopImage: DiskImage {
    let format = DiskFormat.cloop
    let virtualByteCount: UInt64
    let clusterByteCount: Int
    let warnings: [String]

    /// What every file starts with: it is a script that mounts itself.
    static let magic = Array("#!/bin/sh\n#V2.0 Format\n".utf8)
    private static let headerByteCount: UInt64 = 136
    private static let blockByteCounts: ClosedRange<UInt64> = 512...(64 << 20)

    private let imageName: String
    private let offsets: EntryTable
    private let rules: PlaceRules
    private let blockByteCount: UInt64

    var allocationUnitByteCount: UInt64? { blockByteCount }

    /// All is stored, zeros too.
    var allocatedByteCount: UInt64 { virtualByteCount }

    /// - Throws: `ReadError.corrupt` where the header or the offsets are damaged.
    init(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) {
        imageName = reader.imageName
        let blockCount: UInt64
        (blockByteCount, blockCount) = try Self.blocks(by: reader)
        clusterByteCount = Int(blockByteCount)
        // A number of 32 bits times one of 27.
        virtualByteCount = blockCount * blockByteCount
        offsets = try EntryTable(
            named: "offsets", at: Self.headerByteCount, entryCount: blockCount + 1, encoding: .bigEndian64,
            by: reader, pages: tables, budget: options.budget)
        guard offsets.presentEntryCount == offsets.entryCount else {
            throw offsets.damage(
                ofEntry: offsets.presentEntryCount, "the file ends before the \(blockCount + 1) offsets do")
        }
        rules = PlaceRules(fileByteCount: reader.byteCount, dataStart: offsets.range.upperBound)
        // The last one is where the file ends.
        warnings = MissingEnd.warnings(
            of: reader.byteCount, namedTo: try offsets.entry(blockCount), by: "list of offsets")
        guard offsets.isHeld else { return }
        var last: UInt64 = 0
        for index in 0...blockCount {
            let offset = try offsets.entry(index)
            guard offset >= last else {
                throw offsets.damage(ofEntry: index, Self.fall(from: last, to: offset))
            }
            last = offset
        }
    }

    /// The length of a block and how many there are, by the header.
    fileprivate static func blocks(
        by reader: OpeningReader
    ) throws(ReadError) -> (byteCount: UInt64, count: UInt64) {
        let header = try reader.record("cloop header", byteCount: Int(headerByteCount), at: 0)
        let byteCount = UInt64(try header.bigEndian(UInt32.self, at: 128))
        guard blockByteCounts.contains(byteCount), byteCount.isMultiple(of: 512) else {
            throw header.corrupt(
                at: 128, "a block has \(byteCount) bytes, not whole sectors from 512 bytes to 64 MiB")
        }
        return (byteCount, UInt64(try header.bigEndian(UInt32.self, at: 132)))
    }

    private static func fall(from last: UInt64, to offset: UInt64) -> String {
        "the offset is \(offset), and the one before it \(last)"
    }

    func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        try GuestOffset.check(offset, below: virtualByteCount, of: imageName)
        let block = offset / blockByteCount
        let start = try offsets.entry(block)
        let end = try offsets.entry(block + 1)
        return Extent(
            guestOffset: block * blockByteCount, byteCount: blockByteCount,
            storage: storage(of: block, at: start, to: end))
    }

    /// Looks at the offsets of `range`.
    func validateMap(of range: Range<UInt64>, in file: any ByteSource) throws(ReadError) {
        guard !range.isEmpty else { return }
        try file.validate(
            offsets.place(
                ofEntries: range.lowerBound / blockByteCount,
                through: (range.upperBound - 1) / blockByteCount + 1))
    }

    private func storage(of block: UInt64, at start: UInt64, to end: UInt64) -> Extent.Storage {
        guard end >= start else { return damaged(block, Self.fall(from: start, to: end)) }
        let byteCount = end - start
        // Larger than what is stored without compression: nothing is allocated for it.
        guard byteCount > 0, byteCount <= 2 * blockByteCount else {
            return damaged(block, "\(byteCount) bytes are said to be a block of \(blockByteCount)")
        }
        if let problem = rules.problem(at: start, byteCount: byteCount) {
            return damaged(block, problem.text(of: "block"))
        }
        return .compressed(
            CompressedCluster(
                index: block, storedOffset: start, storedByteCountLimit: Int(byteCount),
                decodedByteCount: clusterByteCount, neededByteCount: clusterByteCount, framing: .zlib))
    }

    private func damaged(_ block: UInt64, _ reason: String) -> Extent.Storage {
        .damaged(
            offsets.damage(
                ofEntry: block, "the offset of the block at guest byte \(block * blockByteCount): \(reason)"))
    }
}

/// How a cloop file is recognised.
enum CloopFormat: DiskImageFormat {
    static let name = "cloop"

    static func recognises(_ head: ArraySlice<UInt8>, of source: any ByteSource) -> Bool {
        head.starts(with: CloopImage.magic)
    }

    static func header(_ reader: OpeningReader) throws(ReadError) -> ImageHeader? {
        let blocks = try CloopImage.blocks(by: reader)
        return ImageHeader(.cloop, virtualByteCount: blocks.count * blocks.byteCount)
    }

    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        try CloopImage(reader, tables: tables, options: options)
    }
}
