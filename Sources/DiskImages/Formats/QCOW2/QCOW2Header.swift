// The header of a qcow2 image, versions 2 and 3.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The header of a qcow2 image.
///
/// Spec: QEMU, docs/interop/qcow2, "Header".
struct QCOW2Header {
    /// 2 or 3.
    let version: UInt32
    let geometry: QCOWGeometry
    /// Size of the guest disk, in bytes.
    let virtualByteCount: UInt64
    /// Length of the header, in bytes; extensions follow it.
    let headerByteCount: UInt64
    /// Where the first-level table starts, in bytes of the file.
    let firstLevelOffset: UInt64
    /// Entries that the first-level table has; more than the disk needs are not read.
    let firstLevelEntryCount: UInt64
    let snapshotCount: UInt32
    /// Where the table of snapshots starts, in bytes of the file.
    let snapshotsOffset: UInt64
    /// What the image builds on; nil where it stands for itself.
    let parent: ParentReference?
    /// What is questionable about the image; one line each.
    let warnings: [String]
    private let referenceCountTableOffset: UInt64
    private let referenceCountTableClusterCount: UInt64

    private static let version2ByteCount = 72
    private static let version3ByteCount = 104

    /// Incompatible features.
    private struct Features: OptionSet {
        let rawValue: UInt64
        static let dirty = Features(rawValue: 1 << 0)
        static let corrupt = Features(rawValue: 1 << 1)
        static let externalData = Features(rawValue: 1 << 2)
        static let compressionType = Features(rawValue: 1 << 3)
        static let extendedEntries = Features(rawValue: 1 << 4)
        static let known: Features = [.dirty, .corrupt, .externalData, .compressionType, .extendedEntries]
    }

    /// - Throws: `ReadError.corrupt` where a field breaks a rule, `ReadError.unsupported` for what is not read.
    init(by reader: OpeningReader) throws(ReadError) {
        let start = try reader.record("qcow2 header", byteCount: 8, at: 0)
        version = try start.bigEndian(UInt32.self, at: 4)
        guard version == 2 || version == 3 else {
            throw .unsupported(
                feature:
                    "\(reader.imageName) is a qcow2 image of version \(version); versions 2 and 3 are read")
        }
        let record = try reader.record(
            "qcow2 header", byteCount: version == 2 ? Self.version2ByteCount : Self.version3ByteCount, at: 0)
        let clusterBits = UInt64(try record.bigEndian(UInt32.self, at: 20))
        guard 9...21 ~= clusterBits else {
            throw record.corrupt(at: 20, "a cluster has 2^\(clusterBits) bytes, not 2^9 to 2^21")
        }
        let encryption = try record.bigEndian(UInt32.self, at: 32)
        guard encryption == 0 else {
            throw .unsupported(feature: "\(reader.imageName) is encrypted (method \(encryption))")
        }
        virtualByteCount = try record.virtualByteCount(at: 24)
        headerByteCount = try Self.headerByteCount(record, version, clusterBits)
        let features = try Self.features(record, version, reader)
        guard !features.contains(.extendedEntries) || clusterBits >= 14 else {
            throw record.corrupt(at: 20, "clusters of 2^\(clusterBits) bytes are too small for subclusters")
        }
        geometry = QCOWGeometry(
            encoding: features.contains(.extendedEntries)
                ? .extended : version == 2 ? .version2 : .version3,
            clusterBits: clusterBits,
            tableBits: clusterBits - (features.contains(.extendedEntries) ? 4 : 3),
            compression: try Self.compression(record, features, headerByteCount, reader))
        firstLevelOffset = try record.bigEndian(UInt64.self, at: 40)
        guard firstLevelOffset & (1 << clusterBits - 1) == 0 else {
            throw record.corrupt(
                at: 40, "the first-level table is at byte \(firstLevelOffset), inside of a cluster")
        }
        firstLevelEntryCount = UInt64(try record.bigEndian(UInt32.self, at: 36))
        referenceCountTableOffset = try record.bigEndian(UInt64.self, at: 48)
        referenceCountTableClusterCount = UInt64(try record.bigEndian(UInt32.self, at: 56))
        snapshotCount = try record.bigEndian(UInt32.self, at: 60)
        snapshotsOffset = try record.bigEndian(UInt64.self, at: 64)
        parent = try QCOW2BackingFile.reference(record, after: headerByteCount, 1 << clusterBits, by: reader)
        var warnings: [String] = []
        if features.contains(.dirty) {
            warnings.append("the image was not closed by its last writer (dirty)")
        }
        if features.contains(.corrupt) {
            warnings.append("the image is marked as corrupt by its last writer")
        }
        self.warnings = warnings
    }

    private static func headerByteCount(
        _ record: OnDiskRecord, _ version: UInt32, _ clusterBits: UInt64
    ) throws(ReadError) -> UInt64 {
        guard version == 3 else { return UInt64(version2ByteCount) }
        let byteCount = UInt64(try record.bigEndian(UInt32.self, at: 100))
        guard UInt64(version3ByteCount)...(1 << clusterBits) ~= byteCount else {
            throw record.corrupt(
                at: 100,
                "the header has \(byteCount) bytes, not \(version3ByteCount) to a cluster's 2^\(clusterBits)")
        }
        return byteCount
    }

    private static func features(
        _ record: OnDiskRecord, _ version: UInt32, _ reader: OpeningReader
    ) throws(ReadError) -> Features {
        guard version == 3 else { return [] }
        let features = Features(rawValue: try record.bigEndian(UInt64.self, at: 72))
        guard !features.contains(.externalData) else {
            throw .unsupported(
                feature: "\(reader.imageName) keeps its data in another file, which is never opened")
        }
        let unknown = features.subtracting(.known)
        guard unknown.isEmpty else {
            throw .unsupported(
                feature: "\(reader.imageName) needs qcow2 features that are not known (bits "
                    + "0x\(String(unknown.rawValue, radix: 16)))")
        }
        return features
    }

    /// What compressed clusters are. The type of compression and the feature that announces it have to agree.
    private static func compression(
        _ record: OnDiskRecord, _ features: Features, _ headerByteCount: UInt64, _ reader: OpeningReader
    ) throws(ReadError) -> CompressedCluster.Framing {
        let type =
            headerByteCount > version3ByteCount
            ? try reader.record("qcow2 header", byteCount: version3ByteCount + 1, at: 0)
                .bigEndian(UInt8.self, at: version3ByteCount) : 0
        guard type <= 1 else {
            throw .unsupported(
                feature:
                    "\(reader.imageName) is compressed by method \(type); 0 (deflate) and 1 (zstd) are read")
        }
        guard features.contains(.compressionType) == (type != 0) else {
            throw record.corrupt(
                at: 72, "the compression type \(type) and the feature that announces one disagree")
        }
        return type == 0 ? .deflate : .zstd
    }

    /// Where the first-level table is, in bytes of the file, with the entries that the disk does not need.
    func firstLevel(inFileOf fileByteCount: UInt64) -> Range<UInt64> {
        geometry.firstLevel(
            at: firstLevelOffset, entryCount: firstLevelEntryCount, for: virtualByteCount,
            inFileOf: fileByteCount)
    }

    /// Where the table of reference counts is, in bytes of the file; empty where the header cannot be right about it: it
    /// is of no other use to a reader than that nothing else can be there. Of one that is longer than the file it is as much
    /// as the file can need.
    func referenceCountTable(
        inFileOf fileByteCount: UInt64, besides firstLevel: Range<UInt64>
    ) -> Range<UInt64> {
        let cluster = geometry.clusterByteCount
        let start = referenceCountTableOffset
        guard start >= cluster, start & (cluster - 1) == 0, start < fileByteCount,
            !firstLevel.contains(start)
        else { return 0..<0 }
        // 32 bits of clusters of 2^21 bytes: no overflow.
        var byteCount = referenceCountTableClusterCount << geometry.clusterBits
        if byteCount > fileByteCount - start {
            // A count has 8 bytes at most, and so has the place of a cluster of them.
            let clusterCount = fileByteCount >> geometry.clusterBits + 1
            let needed = (clusterCount * 8 >> geometry.clusterBits + 1) * 8
            byteCount = min(fileByteCount - start, (needed + cluster - 1) & ~(cluster - 1))
        }
        let end = start + byteCount
        return start..<(start < firstLevel.lowerBound ? min(end, firstLevel.lowerBound) : end)
    }
}

extension QCOWGeometry {
    /// Where a first-level table of `entryCount` entries at byte `offset` is, in bytes of the file, for a disk of
    /// `virtualByteCount` bytes. Of one that is longer than the file it is the entries that the disk needs.
    func firstLevel(
        at offset: UInt64, entryCount: UInt64, for virtualByteCount: UInt64, inFileOf fileByteCount: UInt64
    ) -> Range<UInt64> {
        guard offset < fileByteCount else { return 0..<0 }
        let room = fileByteCount - offset
        let stated = entryCount * 8
        let needed = firstLevelEntryCount(for: virtualByteCount)
        return offset..<(offset + (stated <= room ? stated : min(needed, room / 8) * 8))
    }
}
