// The header of a hosted sparse extent, which is also the footer of a stream.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The header of a VMDK file, parsed and found to be in order. Offsets and sizes are in sectors of 512 bytes.
///
/// Spec: VMware Virtual Disk Format 5.0, "Hosted Sparse Extent Header".
struct SparseExtentHeader {
    static let byteCount = 512
    static let magic: UInt32 = 0x564d_444b  // "KDMV"
    /// The grain directory's offset in a header whose footer has the true one.
    static let directoryIsInFooter: UInt64 = .max
    /// Where writers put the descriptor, in bytes.
    static let usualDescriptorOffset: UInt64 = 512
    /// The largest grain that is read, in sectors: 8 MiB.
    static let maximumGrainSize: UInt64 = 16_384
    /// The most entries of a grain table that are read.
    static let maximumEntriesPerTable: UInt32 = 65_536

    /// 1, 2 or 3.
    let version: UInt32
    let flags: Flags
    /// Guest disk size; not 0, and below 2^63 bytes.
    let capacity: UInt64
    /// A power of two, at most 8 MiB.
    let grainSize: UInt64
    let descriptorOffset: UInt64
    let descriptorSize: UInt64
    /// A power of two, 1 to 65,536.
    let entriesPerTable: UInt32
    let redundantDirectoryOffset: UInt64
    let directoryOffset: UInt64
    /// Where the grains start.
    let overhead: UInt64
    let wasNotShutDown: Bool
    let algorithm: Algorithm

    struct Flags: OptionSet {
        let rawValue: UInt32

        static let newlineTest = Flags(rawValue: 1 << 0)
        static let redundantDirectory = Flags(rawValue: 1 << 1)
        static let zeroGrains = Flags(rawValue: 1 << 2)
        static let compressed = Flags(rawValue: 1 << 16)
        static let markers = Flags(rawValue: 1 << 17)
    }

    enum Algorithm: UInt16 {
        case none = 0
        case deflate = 1
    }

    /// - Throws: `ReadError.corrupt` where a field breaks a rule, `ReadError.unsupported` where the file is in order and
    ///   holds no disk of its own, or is of a version that is not known.
    init(parsing record: OnDiskRecord) throws(ReadError) {
        guard try record.littleEndian(UInt32.self, at: 0) == Self.magic else {
            throw record.corrupt(at: 0, "no KDMV at its start")
        }
        version = try record.littleEndian(UInt32.self, at: 4)
        guard (1...3).contains(version) else {
            throw .unsupported(feature: "\(record.name) has version \(version); versions 1 to 3 are read")
        }
        flags = Flags(rawValue: try record.littleEndian(UInt32.self, at: 8))
        if flags.contains(.newlineTest) {
            guard try Array(record.slice(4, at: 73)) == Array("\n \r\n".utf8) else {
                throw record.corrupt(
                    at: 73, "the file was damaged by a text-mode transfer; copy it again as binary")
            }
        }
        capacity = try Self.capacity(in: record)
        grainSize = try Self.powerOfTwo(
            try record.littleEndian(UInt64.self, at: 20), atMost: Self.maximumGrainSize,
            called: "grain size in sectors", at: 20, of: record)
        descriptorOffset = try record.littleEndian(UInt64.self, at: 28)
        descriptorSize = try record.littleEndian(UInt64.self, at: 36)
        entriesPerTable = try Self.powerOfTwo(
            try record.littleEndian(UInt32.self, at: 44), atMost: Self.maximumEntriesPerTable,
            called: "number of entries in a grain table", at: 44, of: record)
        redundantDirectoryOffset = try record.littleEndian(UInt64.self, at: 48)
        directoryOffset = try record.littleEndian(UInt64.self, at: 56)
        overhead = try record.littleEndian(UInt64.self, at: 64)
        wasNotShutDown = try record.littleEndian(UInt8.self, at: 72) != 0
        algorithm = try Self.algorithm(in: record)
        if flags.contains(.markers), !flags.contains(.compressed), algorithm == .none {
            // Whether an entry names the marker or the data after it is nowhere said.
            throw .unsupported(feature: "\(record.name) has markers around grains that are not compressed")
        }
    }

    private static func capacity(in record: OnDiskRecord) throws(ReadError) -> UInt64 {
        let capacity = try record.littleEndian(UInt64.self, at: 12)
        guard capacity > 0 else {
            throw .unsupported(
                feature:
                    "\(record.name) has no capacity of its own and refers to other files, which are "
                    + "never opened"
            )
        }
        guard capacity <= UInt64(Int64.max) / 512 else {
            throw record.corrupt(at: 12, "the capacity of \(capacity) sectors is more than a file can have")
        }
        return capacity
    }

    private static func powerOfTwo<Value: FixedWidthInteger>(
        _ value: Value, atMost limit: Value, called field: String, at offset: Int, of record: OnDiskRecord
    ) throws(ReadError) -> Value {
        guard value > 0, value <= limit, value & (value - 1) == 0 else {
            throw record.corrupt(
                at: offset, "the \(field) is \(value), not a power of two from 1 to \(limit)")
        }
        return value
    }

    private static func algorithm(in record: OnDiskRecord) throws(ReadError) -> Algorithm {
        let number = try record.littleEndian(UInt16.self, at: 77)
        guard let algorithm = Algorithm(rawValue: number) else {
            throw .unsupported(
                feature: "\(record.name) uses compression algorithm \(number); deflate (1) is read")
        }
        return algorithm
    }
}

extension SparseExtentHeader {
    /// Whether grains are compressed: the flag or the algorithm says so. Taking compressed grains for plain
    /// ones would show zlib data as the disk's.
    var isCompressed: Bool { flags.contains(.compressed) || algorithm == .deflate }

    /// In bytes; at most 8 MiB.
    var grainByteCount: Int { Int(grainSize) * 512 }
    /// In bytes; below 2^63.
    var virtualByteCount: UInt64 { capacity * 512 }
    var grainCount: UInt64 { (capacity - 1) / grainSize + 1 }
    /// What a table takes in the file, in bytes: whole sectors, and a power of two.
    var tableByteCount: UInt64 { max(512, UInt64(entriesPerTable) * 4) }
    var tableCount: UInt64 { (grainCount - 1) / UInt64(entriesPerTable) + 1 }

    /// The first sector after the header and the descriptor, for a file of `byteCount` bytes; a descriptor
    /// that is not in the file has no say.
    func metadataEnd(inFileOf byteCount: UInt64) -> UInt64 {
        let (end, overflow) = descriptorOffset.addingReportingOverflow(descriptorSize)
        guard descriptorSize > 0, !overflow, end <= byteCount / 512 else { return 1 }
        return max(1, end)
    }

    /// The sector at which a stream's first marker, or the first grain, may be.
    func dataStart(inFileOf byteCount: UInt64) -> UInt64 {
        let metadataEnd = metadataEnd(inFileOf: byteCount)
        return overhead <= byteCount / 512 ? max(overhead, metadataEnd) : metadataEnd
    }

    /// Whether two headers describe the same disk, their directory's place apart.
    func hasSameGeometry(as other: SparseExtentHeader) -> Bool {
        capacity == other.capacity && grainSize == other.grainSize && entriesPerTable == other.entriesPerTable
            && isCompressed == other.isCompressed
    }
}
