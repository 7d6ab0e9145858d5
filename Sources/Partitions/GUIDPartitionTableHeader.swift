// The header of a GPT, with the entries that it describes.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A header that is sound, and its entries, whose checksum is right.
/// Spec: UEFI 2.10, 5.3.2 "GPT Header", 5.3.3 "GPT Partition Entry Array".
struct GUIDPartitionTableHeader {
    /// Most bytes of entries that are read; 4,096 entries of 128 bytes are half a MiB.
    static let maximumEntriesByteCount: UInt64 = 4 << 20
    private static let mark = Array("EFI PART".utf8)
    private static let minimumByteCount = 92
    /// Where the checksum of the header is in it.
    private static let checksumField = 16..<20

    private let entries: OnDiskRecord
    /// 128 or a power of two above it.
    private let entryByteCount: Int
    let entryCount: Int

    /// Why a sector has no sound header.
    struct Refusal: Error {
        /// Whether it looks like one.
        let hasMark: Bool
        let reason: String
        /// Where the header says that its copy is.
        var alternateSector: UInt64?
    }

    /// Reads the header in `sector`, which the disk has.
    /// - Throws: only what is about this reader, and not about the disk.
    static func read(
        at sector: UInt64, of disk: any ByteSource, _ sectorByteCount: UInt64
    ) throws(ReadError) -> Result<Self, Refusal> {
        var alternate: UInt64?
        do throws(ReadError) {
            let record = try disk.record(
                "GPT header", byteCount: Int(sectorByteCount), at: sector * sectorByteCount)
            guard try record.slice(mark.count, at: 0).elementsEqual(mark) else {
                return .failure(Refusal(hasMark: false, reason: "there is none"))
            }
            alternate = try record.littleEndian(UInt64.self, at: 32)
            return .success(try Self(record, at: sector, of: disk, sectorByteCount))
        } catch {
            if error.isAboutTheReader { throw error }
            let reason =
                if case .corrupt(_, _, let reason) = error { reason } else { error.description }
            return .failure(Refusal(hasMark: true, reason: reason, alternateSector: alternate))
        }
    }

    /// Checks the header in `record`, which was read from `sector`, and reads its entries.
    private init(
        _ record: OnDiskRecord, at sector: UInt64, of disk: any ByteSource, _ sectorByteCount: UInt64
    ) throws(ReadError) {
        guard try record.littleEndian(UInt32.self, at: 8) == 0x0001_0000 else {
            throw record.corrupt(at: 8, "its revision is not 1.0")
        }
        let byteCount = try record.littleEndian(UInt32.self, at: 12)
        guard let headerByteCount = Int(exactly: byteCount), headerByteCount >= Self.minimumByteCount,
            headerByteCount <= record.bytes.count
        else { throw record.corrupt(at: 12, "its header has \(byteCount) bytes") }
        let header = Array(try record.slice(headerByteCount, at: 0))
        guard
            CyclicRedundancyCheck.ieee.checksum(of: header, blank: Self.checksumField)
                == (try record.littleEndian(UInt32.self, at: Self.checksumField.lowerBound))
        else { throw record.corrupt(at: 16, "the checksum of its header is wrong") }
        guard try record.littleEndian(UInt64.self, at: 24) == sector else {
            throw record.corrupt(at: 24, "its header is of another sector")
        }
        let count = try record.littleEndian(UInt32.self, at: 80)
        let size = try record.littleEndian(UInt32.self, at: 84)
        guard size >= 128, size & (size - 1) == 0 else {
            throw record.corrupt(at: 84, "its entries have \(size) bytes")
        }
        let (start, overflow) = try record.littleEndian(UInt64.self, at: 72)
            .multipliedReportingOverflow(by: sectorByteCount)
        // Two numbers of 32 bits: no overflow.
        let entriesByteCount = UInt64(count) * UInt64(size)
        guard entriesByteCount <= Self.maximumEntriesByteCount else {
            throw record.corrupt(
                at: 80, "its \(count) entries of \(size) bytes are more than are read")
        }
        guard !overflow, start <= disk.byteCount, entriesByteCount <= disk.byteCount - start else {
            throw record.corrupt(at: 72, "its \(count) entries of \(size) bytes are not on the disk")
        }
        entries = try disk.record("GPT entries", byteCount: Int(entriesByteCount), at: start)
        guard
            CyclicRedundancyCheck.ieee.checksum(of: entries.bytes)
                == (try record.littleEndian(UInt32.self, at: 88))
        else { throw record.corrupt(at: 88, "the checksum of its entries is wrong") }
        // At most 4 MiB.
        entryByteCount = Int(size)
        entryCount = Int(count)
    }

    /// The entry at `index`, which is below `entryCount`; nil for one that is not in use.
    func entry(_ index: Int) -> Entry? {
        guard let entry = try? Entry(in: entries, at: index * entryByteCount), !entry.type.isZero else {
            return nil
        }
        return entry
    }

    /// One entry.
    struct Entry {
        let type: PartitionIdentifier
        let identifier: PartitionIdentifier
        /// The first and the last sector.
        let first: UInt64
        let last: UInt64

        /// The last sector is the partition's own. A count that would overflow is cut to the disk in any case.
        var sectorCount: UInt64 {
            guard last >= first else { return 0 }
            let (count, overflow) = (last - first).addingReportingOverflow(1)
            return overflow ? last - first : count
        }

        private let units: [UInt16]

        /// Up to its first NUL; what is no UTF-16 is U+FFFD.
        var name: String { String(decoding: units, as: UTF16.self) }

        fileprivate init(in record: OnDiskRecord, at offset: Int) throws(ReadError) {
            type = try PartitionIdentifier(in: record, at: offset)
            identifier = try PartitionIdentifier(in: record, at: offset + 16)
            first = try record.littleEndian(UInt64.self, at: offset + 32)
            last = try record.littleEndian(UInt64.self, at: offset + 40)
            var units: [UInt16] = []
            for index in 0..<36 where !type.isZero {
                let unit = try record.littleEndian(UInt16.self, at: offset + 56 + 2 * index)
                guard unit != 0 else { break }
                units.append(unit)
            }
            self.units = units
        }
    }
}
