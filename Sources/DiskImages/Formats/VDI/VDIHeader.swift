// The header of a VirtualBox disk.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The header of a VDI file, parsed and found to be in order.
/// Spec: VirtualBox, VDICore.h, "VDIPREHEADER" and "VDIHEADER1PLUS".
struct VDIHeader: Sendable {
    enum Kind: UInt32 {
        case normal = 1
        case fixed = 2
        case undo = 3
        case differencing = 4

        var hasParent: Bool { self == .undo || self == .differencing }
    }

    let kind: Kind
    /// Where the map of blocks starts, in bytes.
    let mapOffset: UInt64
    /// Where the place of block number 0 starts, in bytes.
    let dataOffset: UInt64
    /// Size of the guest disk, in bytes.
    let diskByteCount: UInt64
    /// In bytes, a power of two from 4 KiB to 256 MiB.
    let blockByteCount: UInt64
    /// How many blocks are stored.
    let allocatedBlockCount: UInt64
    /// What stands in front of each block, in bytes; at most 256 MiB.
    let blockExtraByteCount: UInt64
    let identifiers: Identifiers

    /// Sixteen bytes each.
    struct Identifiers: Sendable {
        let creation: [UInt8]
        let modification: [UInt8]
        /// The parent's `creation`.
        let parentCreation: [UInt8]
        /// The parent's `modification`.
        let parentModification: [UInt8]

        init(parsing record: OnDiskRecord) throws(ReadError) {
            creation = Array(try record.slice(16, at: 392))
            modification = Array(try record.slice(16, at: 408))
            parentCreation = Array(try record.slice(16, at: 424))
            parentModification = Array(try record.slice(16, at: 440))
        }
    }

    /// Where the magic is, behind a text for people.
    static let magicOffset = 64
    static let magic: [UInt8] = [0x7f, 0x10, 0xda, 0xbe]
    /// All fields that mean anything, in bytes.
    static let byteCount = 456
    /// Where the part starts that the header's own length counts, in bytes.
    private static let countedStart: UInt64 = 72
    private static let leastCountedByteCount: UInt64 = 384
    private static let blockByteCounts: ClosedRange<UInt64> = 4_096...(256 << 20)

    /// The header of the image that `reader` reads.
    /// - Throws: as `init(parsing:)`.
    init(by reader: OpeningReader) throws(ReadError) {
        try self.init(parsing: try reader.record("VDI header", byteCount: Self.byteCount, at: 0))
    }

    /// - Throws: `ReadError.corrupt` where a field breaks a rule, `ReadError.unsupported` for versions and types that
    ///   are not known.
    init(parsing record: OnDiskRecord) throws(ReadError) {
        guard try record.slice(4, at: Self.magicOffset).elementsEqual(Self.magic) else {
            throw record.corrupt(at: Self.magicOffset, "no VDI signature")
        }
        let version = try record.littleEndian(UInt32.self, at: 68)
        guard version >> 16 == 1 else {
            throw .unsupported(
                feature:
                    "\(record.name) has version \(version >> 16).\(version & 0xffff); versions 1.x are read")
        }
        let type = try record.littleEndian(UInt32.self, at: 76)
        guard let kind = Kind(rawValue: type) else {
            throw .unsupported(feature: "\(record.name) has the type \(type); types 1 to 4 are read")
        }
        self.kind = kind
        mapOffset = UInt64(try record.littleEndian(UInt32.self, at: 340))
        dataOffset = UInt64(try record.littleEndian(UInt32.self, at: 344))
        diskByteCount = try record.littleEndian(UInt64.self, at: 368)
        blockByteCount = UInt64(try record.littleEndian(UInt32.self, at: 376))
        blockExtraByteCount = UInt64(try record.littleEndian(UInt32.self, at: 380))
        allocatedBlockCount = UInt64(try record.littleEndian(UInt32.self, at: 388))
        identifiers = try Identifiers(parsing: record)
        try checkBlocks(record)
        try checkPlaces(record)
        try checkParent(record)
    }

    private func checkBlocks(_ record: OnDiskRecord) throws(ReadError) {
        guard Self.blockByteCounts.contains(blockByteCount), blockByteCount.nonzeroBitCount == 1 else {
            throw record.corrupt(
                at: 376, "a block has \(blockByteCount) bytes, not a power of two from 4 KiB to 256 MiB")
        }
        // So that a place in the file is a number of 62 bits, whatever the entry.
        guard blockExtraByteCount <= Self.blockByteCounts.upperBound else {
            throw record.corrupt(
                at: 380, "\(blockExtraByteCount) extra bytes stand before each block; up to 256 MiB are read")
        }
    }

    private func checkPlaces(_ record: OnDiskRecord) throws(ReadError) {
        let countedByteCount = UInt64(try record.littleEndian(UInt32.self, at: Int(Self.countedStart)))
        guard countedByteCount >= Self.leastCountedByteCount else {
            throw record.corrupt(
                at: Int(Self.countedStart),
                "the header has \(countedByteCount) bytes, at least \(Self.leastCountedByteCount) are needed")
        }
        // Numbers of 32 bits: no overflow.
        let blockCount = UInt64(try record.littleEndian(UInt32.self, at: 384))
        guard blockCount * blockByteCount >= diskByteCount else {
            throw record.corrupt(
                at: 384, "\(blockCount) blocks of \(blockByteCount) bytes cannot hold \(diskByteCount) bytes")
        }
        guard mapOffset >= Self.countedStart + countedByteCount else {
            throw record.corrupt(at: 340, "the map is at byte \(mapOffset), inside the header")
        }
        guard dataOffset >= mapOffset + blockCount * 4 else {
            throw record.corrupt(at: 344, "the data is at byte \(dataOffset), inside the map or before it")
        }
    }

    /// What a disk that stands for itself lacks is zeros, and what one with a parent lacks is not: they must not be
    /// confused.
    private func checkParent(_ record: OnDiskRecord) throws(ReadError) {
        let namesParent = identifiers.parentCreation.contains { $0 != 0 }
        guard namesParent == kind.hasParent else {
            throw record.corrupt(
                at: 424,
                namesParent
                    ? "the disk is of type \(kind.rawValue), which has no parent, and names one"
                    : "the disk is of type \(kind.rawValue), which has a parent, and names none")
        }
    }
}
