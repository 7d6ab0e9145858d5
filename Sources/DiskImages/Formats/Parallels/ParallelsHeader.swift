// The header of a Parallels disk.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The header of an expandable Parallels image, parsed and found to be in order.
/// Spec: QEMU, docs/interop/parallels.txt, "header".
struct ParallelsHeader: Sendable {
    /// What the entries of the table count in.
    enum Unit: Sendable {
        /// `WithoutFreeSpace`: sectors.
        case sectors
        /// `WithouFreSpacExt`: blocks.
        case blocks
    }

    let unit: Unit
    /// In bytes; any number of sectors below 2^32.
    let blockByteCount: UInt64
    let entryCount: UInt64
    /// Size of the guest disk, in bytes.
    let virtualByteCount: UInt64
    /// Where blocks may start, in bytes; 0 where the header does not say.
    let dataOffset: UInt64
    /// Where a block with more about the image starts, in bytes; 0 where there is none.
    let extensionOffset: UInt64
    let isInUse: Bool

    static let byteCount = 64
    private static let plainMagic = Array("WithoutFreeSpace".utf8)
    private static let extendedMagic = Array("WithouFreSpacExt".utf8)
    private static let inUse: UInt32 = 0x746f_6e59
    private static let closed: UInt32 = 0x312e_3276

    private static func unit(of bytes: ArraySlice<UInt8>) -> Unit? {
        if bytes.starts(with: plainMagic) { return .sectors }
        return bytes.starts(with: extendedMagic) ? .blocks : nil
    }

    /// Whether a file that starts with `bytes` has the mark of one.
    static func isMarked(_ bytes: ArraySlice<UInt8>) -> Bool { unit(of: bytes) != nil }

    /// The header of the image that `reader` reads.
    /// - Throws: as `init(parsing:)`.
    init(by reader: OpeningReader) throws(ReadError) {
        try self.init(parsing: try reader.record("Parallels header", byteCount: Self.byteCount, at: 0))
    }

    /// - Throws: `ReadError.corrupt` where a field breaks a rule, `ReadError.unsupported` for other versions.
    init(parsing record: OnDiskRecord) throws(ReadError) {
        guard let unit = Self.unit(of: try record.slice(16, at: 0)) else {
            throw record.corrupt(at: 0, "no Parallels signature")
        }
        let version = try record.littleEndian(UInt32.self, at: 16)
        guard version == 2 else {
            throw .unsupported(feature: "\(record.name) has version \(version); version 2 is read")
        }
        let tracks = UInt64(try record.littleEndian(UInt32.self, at: 28))
        guard tracks > 0 else { throw record.corrupt(at: 28, "a block has no sectors") }
        self.unit = unit
        blockByteCount = tracks * 512
        entryCount = UInt64(try record.littleEndian(UInt32.self, at: 32))
        let sectors = try record.littleEndian(UInt64.self, at: 36)
        virtualByteCount = try (unit == .sectors ? sectors & 0xffff_ffff : sectors)
            .multiplied(by: 512, in: record.name, at: 36)
        let use = try record.littleEndian(UInt32.self, at: 44)
        guard use == Self.inUse || use == Self.closed || use == 0 else {
            throw record.corrupt(
                at: 44, "the mark of use is 0x\(String(use, radix: 16)), which means nothing")
        }
        isInUse = use == Self.inUse
        dataOffset = UInt64(try record.littleEndian(UInt32.self, at: 48)) * 512
        let extensionSector = try record.littleEndian(UInt64.self, at: 56)
        // One that no file can hold is not there; nothing of it is needed.
        extensionOffset = extensionSector <= UInt64(Int64.max) / 512 ? extensionSector * 512 : 0
        let (room, overflow) = entryCount.multipliedReportingOverflow(by: blockByteCount)
        guard overflow || virtualByteCount <= room else {
            throw record.corrupt(
                at: 32,
                "\(entryCount) blocks of \(blockByteCount) bytes cannot hold \(virtualByteCount) bytes")
        }
    }

    /// Where the table ends, in bytes.
    var tableEnd: UInt64 { UInt64(Self.byteCount) + entryCount * 4 }
}
