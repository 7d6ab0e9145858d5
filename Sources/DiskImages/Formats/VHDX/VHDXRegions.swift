// Where the parts of a VHDX are.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The regions that a region table names, in bytes of the file.
/// Spec: [MS-VHDX], 2.2.3.
struct VHDXRegions: Sendable {
    /// The block allocation table.
    let table: Range<UInt64>
    let metadata: Range<UInt64>

    /// Headers and region tables take the first one; everything else starts at a multiple of it.
    static let unit: UInt64 = 1 << 20
    private static let byteCount = 64 << 10
    private static let offsets: [UInt64] = [192 << 10, 256 << 10]
    private static let mostEntries: UInt32 = 2_047
    private static let tableIdentifier = VHDXIdentifier.stored("{2dc27766-f623-4200-9d64-115e9bfd4a08}")
    private static let metadataIdentifier = VHDXIdentifier.stored("{8b7ca206-4790-4b9a-b8fe-575f050f886e}")

    /// The regions of the first table, or of the second where the first is damaged.
    /// - Throws: `ReadError` where neither is right, or the regions break a rule.
    init(_ reader: OpeningReader, _ header: VHDXHeader, _ warnings: inout [String]) throws(ReadError) {
        let record: OnDiskRecord
        do throws(ReadError) {
            record = try Self.record(0, reader)
        } catch {
            guard error.isAboutTheFormat else { throw error }
            record = try Self.record(1, reader)
            warnings.append("the second region table is used: \(error)")
        }
        try self.init(parsing: record, fileByteCount: reader.byteCount, header)
    }

    private static func record(_ index: Int, _ reader: OpeningReader) throws(ReadError) -> OnDiskRecord {
        let record = try reader.record(
            "region table \(index + 1)", byteCount: byteCount, at: offsets[index])
        try record.checkVHDXChecksum(signature: "regi")
        return record
    }

    private init(
        parsing record: OnDiskRecord, fileByteCount: UInt64, _ header: VHDXHeader
    ) throws(ReadError) {
        let count = try record.littleEndian(UInt32.self, at: 8)
        guard count <= Self.mostEntries else {
            throw record.corrupt(at: 8, "it has \(count) entries, more than \(Self.mostEntries)")
        }
        var found: (table: Range<UInt64>?, metadata: Range<UInt64>?)
        for index in 0..<Int(count) {
            let start = 16 + 32 * index
            let identifier = Array(try record.slice(16, at: start))
            if identifier == Self.tableIdentifier {
                guard found.table == nil else {
                    throw record.corrupt(at: start, "a second block allocation table")
                }
                found.table = try Self.range(ofEntryAt: start, in: record, fileByteCount)
            } else if identifier == Self.metadataIdentifier {
                guard found.metadata == nil else {
                    throw record.corrupt(at: start, "a second metadata region")
                }
                found.metadata = try Self.range(ofEntryAt: start, in: record, fileByteCount)
            } else if try record.littleEndian(UInt32.self, at: start + 28) & 1 == 1 {
                throw .unsupported(
                    feature: "\(record.name) has a required region that is not known, entry \(index)")
            }
        }
        guard let table = found.table, let metadata = found.metadata else {
            throw record.corrupt(
                at: 16, "it has no \(found.table == nil ? "block allocation table" : "metadata region")")
        }
        let log = header.logRange
        guard !table.overlaps(metadata), log?.overlaps(table) != true, log?.overlaps(metadata) != true else {
            throw record.corrupt(at: 16, "the block allocation table, the metadata and the log overlap")
        }
        self.table = table
        self.metadata = metadata
    }

    private static func range(
        ofEntryAt start: Int, in record: OnDiskRecord, _ fileByteCount: UInt64
    ) throws(ReadError) -> Range<UInt64> {
        let offset = try record.littleEndian(UInt64.self, at: start + 16)
        let byteCount = UInt64(try record.littleEndian(UInt32.self, at: start + 24))
        guard offset % unit == 0, byteCount % unit == 0, byteCount > 0 else {
            throw record.corrupt(
                at: start + 16, "a region of \(byteCount) bytes at byte \(offset); both are to be whole MiB")
        }
        guard offset >= unit else {
            throw record.corrupt(at: start + 16, "a region at byte \(offset), inside the headers")
        }
        guard offset <= fileByteCount, byteCount <= fileByteCount - offset else {
            throw record.corrupt(
                at: start + 16,
                "a region of \(byteCount) bytes at byte \(offset), and the file ends at byte \(fileByteCount)"
            )
        }
        return offset..<(offset + byteCount)
    }
}
