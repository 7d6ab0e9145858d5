// The header of a COWD extent, in the words of a hosted sparse one.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension SparseExtentHeader {
    /// A COWD header, in bytes.
    static let byteCountOfCOWD = 2_048
    static let magicOfCOWD = Array("COWD".utf8)
    /// Each table has as many.
    private static let entriesPerCOWDTable: UInt32 = 4_096

    /// Reads a COWD header: its tables and entries are those of a hosted sparse extent.
    /// - Throws: `ReadError.corrupt` where a field breaks a rule, `ReadError.unsupported` for other versions.
    ///
    /// Spec: libyal, VMDK format, "COWD sparse extent data".
    init(parsingCOWD record: OnDiskRecord) throws(ReadError) {
        func field(_ offset: Int) throws(ReadError) -> UInt32 {
            try record.littleEndian(UInt32.self, at: offset)
        }
        guard try record.slice(4, at: 0).elementsEqual(Self.magicOfCOWD) else {
            throw record.corrupt(at: 0, "no COWD at its start")
        }
        version = try field(4)
        guard version == 1 else {
            throw .unsupported(feature: "\(record.name) has version \(version); version 1 is read")
        }
        flags = []
        capacity = UInt64(try field(12))
        guard capacity > 0 else { throw record.corrupt(at: 12, "the capacity is 0 sectors") }
        grainSize = UInt64(try field(16))
        guard grainSize.nonzeroBitCount == 1, grainSize <= Self.maximumGrainSize else {
            throw record.corrupt(
                at: 16,
                "the grain size in sectors is \(grainSize), not a power of two from 1 to \(Self.maximumGrainSize)"
            )
        }
        entriesPerTable = Self.entriesPerCOWDTable
        directoryOffset = UInt64(try field(20))
        redundantDirectoryOffset = 0
        // What stands before the directory is the header, as the descriptor is in other extents.
        descriptorOffset = 0
        descriptorSize = UInt64(Self.byteCountOfCOWD / 512)
        let directoryEntryCount = UInt64(try field(24))
        let isDirectoryInFront = directoryOffset == descriptorSize
        overhead = descriptorSize + (isDirectoryInFront ? (directoryEntryCount * 4 + 511) / 512 : 0)
        wasNotShutDown = try field(1_648) != 0
        algorithm = .none
        guard directoryEntryCount >= tableCount else {
            throw record.corrupt(
                at: 24, "a directory of \(directoryEntryCount) entries cannot lead to \(tableCount) tables")
        }
    }
}
