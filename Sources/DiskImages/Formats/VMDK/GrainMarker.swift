// What stands before a stored grain, and where it says that the grain's zlib data lies.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// The marker of a compressed grain: LBA (8 bytes), size of the zlib data (4 bytes), then the data.
///
/// Spec: VMware Virtual Disk Format 5.0, "Markers".
package enum GrainMarker {
    /// LBA and size.
    static let byteCount = 12
    /// The size alone, which images without the marker flag may have.
    static let sizeByteCount = 4

    /// Where the zlib data of `cluster` lies, in bytes from `cluster.storedOffset`, which is where `stored`
    /// starts. It may end after the bytes at hand, never after the image file of `fileByteCount` bytes,
    /// and is never longer than twice the grain.
    ///
    /// - Throws: `ReadError.corrupt` where the marker is not this grain's, or its size is impossible.
    package static func payload(
        in stored: RawSpan, of cluster: CompressedCluster, fileByteCount: UInt64
    ) throws(ReadError) -> Range<Int> {
        switch cluster.framing {
        case .grainMarker(let lba):
            guard stored.byteCount >= byteCount else {
                throw corrupt(cluster, lba, "the file ends inside the marker")
            }
            let found = stored.littleEndian(UInt64.self, at: 0)
            guard found == lba else {
                throw .corrupt(
                    record: "grain marker", offset: cluster.storedOffset,
                    reason: "grain marker names LBA \(found), expected \(lba)")
            }
            return try payload(
                ofSize: stored.littleEndian(UInt32.self, at: 8), after: byteCount, of: cluster, lba,
                fileByteCount)
        case .grainMarkerOrSize(let lba, _):
            let range = try unmarkedPayload(in: stored, of: cluster, lba, fileByteCount)
            guard range.upperBound <= cluster.storedByteCountLimit else {
                throw corrupt(
                    cluster, lba,
                    "the compressed grain reaches into the next one, \(cluster.storedByteCountLimit) "
                        + "bytes after it")
            }
            return range
        case .deflate, .zstd, .zlib: preconditionFailure("a cluster without a marker")
        }
    }

    /// How many bytes the grain without a certain marker that starts with `stored` seems to take: 0 where it is none.
    static func seemingByteCount(of stored: RawSpan, grainByteCount: Int) -> Int {
        guard stored.byteCount >= probeByteCount else { return 0 }
        // Behind a size, or behind a marker.
        for start in stride(from: sizeByteCount, through: byteCount, by: byteCount - sizeByteCount) {
            let first = UInt16(stored.littleEndian(UInt8.self, at: start))
            let second = UInt16(stored.littleEndian(UInt8.self, at: start + 1))
            // RFC 1950, 2.2: method 8, and a header that is a multiple of 31.
            guard first & 0x0f == 8, (first << 8 | second) % 31 == 0 else { continue }
            let size = UInt64(stored.littleEndian(UInt32.self, at: start - 4))
            return size > 0 && size <= 2 * UInt64(max(0, grainByteCount)) ? start + Int(size) : 0
        }
        return 0
    }

    /// What `seemingByteCount` has to see of a grain, in bytes.
    static let probeByteCount = 14

    private static func unmarkedPayload(
        in stored: RawSpan, of cluster: CompressedCluster, _ lba: UInt64, _ fileByteCount: UInt64
    ) throws(ReadError) -> Range<Int> {
        if stored.byteCount >= byteCount, stored.littleEndian(UInt64.self, at: 0) == lba {
            return try payload(
                ofSize: stored.littleEndian(UInt32.self, at: 8), after: byteCount, of: cluster, lba,
                fileByteCount)
        }
        guard stored.byteCount >= sizeByteCount else {
            throw corrupt(cluster, lba, "the file ends inside the grain's size")
        }
        return try payload(
            ofSize: stored.littleEndian(UInt32.self, at: 0), after: sizeByteCount, of: cluster, lba,
            fileByteCount)
    }

    private static func payload(
        ofSize size: UInt32, after start: Int, of cluster: CompressedCluster, _ lba: UInt64,
        _ fileByteCount: UInt64
    ) throws(ReadError) -> Range<Int> {
        guard size > 0 else { throw corrupt(cluster, lba, "the compressed size is 0") }
        guard UInt64(size) <= 2 * UInt64(max(0, cluster.decodedByteCount)) else {
            throw corrupt(
                cluster, lba,
                "the compressed size is \(size), over twice the \(cluster.decodedByteCount) of a grain")
        }
        let end = UInt64(start) + UInt64(size)
        guard cluster.storedOffset <= fileByteCount, end <= fileByteCount - cluster.storedOffset else {
            throw corrupt(
                cluster, lba,
                "the compressed grain of \(size) bytes ends past the file's end at byte \(fileByteCount)")
        }
        return start..<Int(end)
    }

    private static func corrupt(_ cluster: CompressedCluster, _ lba: UInt64, _ reason: String) -> ReadError {
        .corrupt(
            record: "grain marker", offset: cluster.storedOffset, reason: "\(reason) (grain at LBA \(lba))")
    }
}
