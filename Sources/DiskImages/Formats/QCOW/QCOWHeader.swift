// The header of a qcow image, version 1.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The header of version 1, 48 bytes.
///
/// Spec: QEMU, block/qcow.
struct QCOWHeader {
    static let byteCount: UInt64 = 48

    /// Size of the guest disk, in bytes.
    let virtualByteCount: UInt64
    let geometry: QCOWGeometry
    /// Where the first-level table starts, in bytes of the file.
    let firstLevelOffset: UInt64
    /// The name of the file whose bytes show where this one has none; nil where there is none.
    let backingName: [UInt8]?

    /// - Throws: `ReadError.corrupt` where a field breaks a rule, `ReadError.unsupported` for what is not read.
    init(by reader: OpeningReader) throws(ReadError) {
        let record = try reader.record("qcow header", byteCount: Int(Self.byteCount), at: 0)
        virtualByteCount = try record.virtualByteCount(at: 24)
        let clusterBits = UInt64(try record.bigEndian(UInt8.self, at: 32))
        guard 9...16 ~= clusterBits else {
            throw record.corrupt(at: 32, "a cluster has 2^\(clusterBits) bytes, not 2^9 to 2^16")
        }
        let tableBits = UInt64(try record.bigEndian(UInt8.self, at: 33))
        guard 6...13 ~= tableBits else {
            throw record.corrupt(at: 33, "a second-level table has 2^\(tableBits) entries, not 2^6 to 2^13")
        }
        let encryption = try record.bigEndian(UInt32.self, at: 36)
        guard encryption == 0 else {
            throw .unsupported(feature: "\(reader.imageName) is encrypted (method \(encryption))")
        }
        geometry = QCOWGeometry(
            encoding: .version1, clusterBits: clusterBits, tableBits: tableBits, compression: .deflate)
        firstLevelOffset = try record.bigEndian(UInt64.self, at: 40)
        backingName = try record.backingName(after: Self.byteCount, by: reader)
    }
}

extension OnDiskRecord {
    /// The size of the guest disk, in bytes.
    /// - Throws: `ReadError.corrupt` where a file cannot be so long.
    func virtualByteCount(at offset: Int) throws(ReadError) -> UInt64 {
        let byteCount = try bigEndian(UInt64.self, at: offset)
        guard byteCount <= UInt64(Int64.max) - 511 else {
            throw corrupt(at: offset, "a disk of \(byteCount) bytes is longer than a file can be")
        }
        return byteCount
    }

    /// The name of the backing file, whose place all versions store alike; nil where there is none.
    /// - Throws: `ReadError.corrupt` where it is not 1 to 1,023 bytes behind the `headerByteCount` bytes of the header.
    func backingName(after headerByteCount: UInt64, by reader: OpeningReader) throws(ReadError) -> [UInt8]? {
        let start = try bigEndian(UInt64.self, at: 8)
        guard start != 0 else { return nil }
        let count = try bigEndian(UInt32.self, at: 16)
        guard 1...1_023 ~= count else {
            throw corrupt(at: 16, "the name of the backing file has \(count) bytes, not 1 to 1023")
        }
        guard start >= headerByteCount else {
            throw corrupt(at: 8, "the name of the backing file is at byte \(start), inside of the header")
        }
        return try reader.record("name of the backing file", byteCount: Int(count), at: start).bytes
    }
}
