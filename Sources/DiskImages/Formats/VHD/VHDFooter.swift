// The footer of a VHD, of which one that grows has a copy in front.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// What every VHD ends with.
/// Spec: Microsoft, Virtual Hard Disk Image Format Specification 1.0, "Hard Disk Footer Format".
struct VHDFooter: Sendable, Equatable {
    enum Kind: UInt32 {
        case fixed = 2
        case dynamic = 3
        case differencing = 4
    }

    let kind: Kind
    /// Where the dynamic header starts, in bytes; all ones for a fixed disk.
    let dataOffset: UInt64
    /// Size of the guest disk, in bytes.
    let virtualByteCount: UInt64
    /// Sixteen bytes that tell the disk from others.
    let identifier: [UInt8]
    let hasSavedState: Bool

    static let byteCount = 512
    static let cookie = Array("conectix".utf8)
    /// No dynamic header.
    static let noDataOffset = UInt64.max

    /// - Throws: `ReadError.corrupt` where a field breaks a rule, `ReadError.unsupported` for versions and types that
    ///   are not known.
    init(parsing record: OnDiskRecord) throws(ReadError) {
        guard try record.slice(8, at: 0).elementsEqual(Self.cookie) else {
            throw record.corrupt(at: 0, "no conectix")
        }
        try record.checkVHDChecksum(at: 64)
        try record.checkVHDVersion(at: 12)
        let type = try record.bigEndian(UInt32.self, at: 60)
        guard let kind = Kind(rawValue: type) else {
            throw .unsupported(
                feature:
                    "\(record.name) has the type \(type); fixed, dynamic and differencing (2 to 4) are read")
        }
        self.kind = kind
        dataOffset = try record.bigEndian(UInt64.self, at: 16)
        virtualByteCount = try Self.virtualByteCount(in: record)
        identifier = Array(try record.slice(16, at: 68))
        hasSavedState = try record.bigEndian(UInt8.self, at: 84) != 0
    }

    /// The current size; with the two creators that mean it, the geometry's.
    private static func virtualByteCount(in record: OnDiskRecord) throws(ReadError) -> UInt64 {
        let current = try record.bigEndian(UInt64.self, at: 48)
        let cylinders = UInt64(try record.bigEndian(UInt16.self, at: 56))
        let heads = UInt64(try record.bigEndian(UInt8.self, at: 58))
        let sectors = UInt64(try record.bigEndian(UInt8.self, at: 59))
        // Numbers of 16, 8 and 8 bits: no overflow.
        let geometry = cylinders * heads * sectors * 512
        let creator = try record.slice(4, at: 28)
        let meansGeometry = creator.elementsEqual("vpc ".utf8) || creator.elementsEqual("qemu".utf8)
        let isLargest = cylinders == 65_535 && heads == 16 && sectors == 255
        guard meansGeometry, !isLargest, geometry > 0, geometry <= current else { return current }
        return geometry
    }
}

extension OnDiskRecord {
    /// Compares the checksum at `offset`, in bytes, with the record: the ones' complement of the sum of all bytes, those of the
    /// field as 0.
    /// - Throws: `ReadError.corrupt` where it is another.
    func checkVHDChecksum(at offset: Int) throws(ReadError) {
        let stored = try bigEndian(UInt32.self, at: offset)
        let field = try slice(4, at: offset)
        let sum = bytes.reduce(UInt32(0)) { $0 &+ UInt32($1) } &- field.reduce(UInt32(0)) { $0 &+ UInt32($1) }
        guard ~sum == stored else { throw corrupt(at: offset, "its checksum is wrong") }
    }

    /// - Throws: `ReadError.unsupported` where the version at `offset`, in bytes, is not 1.0.
    func checkVHDVersion(at offset: Int) throws(ReadError) {
        let version = try bigEndian(UInt32.self, at: offset)
        guard version == 0x0001_0000 else {
            throw .unsupported(
                feature: "\(name) has version \(version >> 16).\(version & 0xffff); version 1.0 is read")
        }
    }
}
