// The headers of a seSparse extent.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The constant header and the volatile one, parsed and found to be in order.
/// Spec: none; QEMU, block/vmdk.c, "VMDKSESparseConstHeader" and "VMDKSESparseVolatileHeader".
struct SESparseHeader: Sendable {
    /// In sectors; not 0, and below 2^63 bytes.
    let capacity: UInt64
    let volatileHeader: Range<UInt64>
    /// The grain directory, in bytes of the file; its end may lie past the file's.
    let directory: Range<UInt64>
    /// Where table 0 starts, in bytes.
    let tablesOffset: UInt64
    /// Where grain 0 starts, in bytes.
    let grainsOffset: UInt64

    static let byteCount = 512
    static let magic: [UInt8] = [0xbe, 0xba, 0xfe, 0xca, 0, 0, 0, 0]
    private static let version: UInt64 = 0x2_0000_0001
    private static let volatileMagic: UInt64 = 0xcafe_cafe
    static let grainByteCount: UInt64 = 4_096
    static let entriesPerTable: UInt64 = 4_096
    static let tableByteCount: UInt64 = entriesPerTable * 8

    var virtualByteCount: UInt64 { capacity * 512 }
    var grainCount: UInt64 { (virtualByteCount - 1) / Self.grainByteCount + 1 }
    var tableCount: UInt64 { (grainCount - 1) / Self.entriesPerTable + 1 }

    /// - Throws: `ReadError.corrupt` where a field breaks a rule, `ReadError.unsupported` where a journal would have to be
    ///   replayed, and for what is not known.
    init(by reader: OpeningReader) throws(ReadError) {
        let record = try reader.record("seSparse header", byteCount: Self.byteCount, at: 0)
        guard try record.slice(8, at: 0).elementsEqual(Self.magic) else {
            throw record.corrupt(at: 0, "no seSparse signature")
        }
        try Self.expect(Self.version, called: "version", at: 8, of: record)
        capacity = try record.littleEndian(UInt64.self, at: 16)
        guard capacity > 0, capacity <= UInt64(Int64.max) / 512 else {
            throw record.corrupt(at: 16, "the capacity is \(capacity) sectors")
        }
        try Self.expect(8, called: "grain size", at: 24, of: record)
        try Self.expect(64, called: "grain table size", at: 32, of: record)
        try Self.expect(0, called: "flags", at: 40, of: record)
        let volatileOffset = try Self.place(at: 80, of: record)
        volatileHeader = volatileOffset..<(volatileOffset + UInt64(Self.byteCount))
        let directoryOffset = try Self.place(at: 128, of: record)
        let directoryByteCount = try Self.place(at: 136, of: record)
        directory = directoryOffset..<(directoryOffset + directoryByteCount)
        tablesOffset = try Self.place(at: 144, of: record)
        grainsOffset = try Self.place(at: 192, of: record)
        guard directoryByteCount / 8 >= tableCount else {
            throw record.corrupt(
                at: 136,
                "a directory of \(directoryByteCount) bytes cannot lead to \(tableCount) tables")
        }
        try Self.checkJournal(
            try reader.record(
                "volatile seSparse header", byteCount: Self.byteCount, at: volatileOffset))
    }

    /// The bytes that a field counts in sectors: below 2^62, so that two of them have a sum.
    private static func place(at offset: Int, of record: OnDiskRecord) throws(ReadError) -> UInt64 {
        let sector = try record.littleEndian(UInt64.self, at: offset)
        guard sector < 1 << 53 else {
            throw record.corrupt(at: offset, "\(sector) sectors are more than a file can have")
        }
        return sector * 512
    }

    private static func expect(
        _ value: UInt64, called name: String, at offset: Int, of record: OnDiskRecord
    ) throws(ReadError) {
        let found = try record.littleEndian(UInt64.self, at: offset)
        guard found == value else {
            throw .unsupported(
                feature: "\(record.name) has the \(name) 0x\(String(found, radix: 16)); "
                    + "0x\(String(value, radix: 16)) is read")
        }
    }

    private static func checkJournal(_ record: OnDiskRecord) throws(ReadError) {
        guard try record.littleEndian(UInt64.self, at: 0) == volatileMagic else {
            throw record.corrupt(at: 0, "no signature of a volatile header")
        }
        guard try record.littleEndian(UInt64.self, at: 24) == 0 else {
            throw .unsupported(
                feature:
                    "\(record.name) says that its journal has to be replayed, without which the disk may be wrong"
            )
        }
    }
}
