// A guest disk that partition tables are read from, with a bound for all disks together.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import Synchronization

/// How much may be decoded for the partition tables of all disks: their number times what each may ask for is a product.
final class TableAllowance: Sendable {
    /// 512 MiB.
    static let byteLimit: UInt64 = 512 << 20

    private let left = Atomic<UInt64>(byteLimit)

    /// - Throws: `ReadError.unsupported` where less is left.
    fileprivate func take(_ byteCount: UInt64) throws(ReadError) {
        let known = left.load(ordering: .relaxed)
        guard byteCount <= known else {
            throw .unsupported(
                feature: "decoding more than \(Self.byteLimit) bytes for the partition tables of all disks")
        }
        left.subtract(byteCount, ordering: .relaxed)
    }
}

/// A disk, each of whose clusters counts whole when a read comes to it. One thread uses it.
final class BoundedDisk: ByteSource {
    private let disk: GuestDisk
    private let allowance: TableAllowance
    /// What is decoded for one byte, in bytes.
    private let clusterByteCount: UInt64
    /// The cluster after the last one that was counted.
    private let next = Atomic<UInt64>(0)

    var byteCount: UInt64 { disk.byteCount }

    init(_ disk: GuestDisk, within allowance: TableAllowance) {
        self.disk = disk
        self.allowance = allowance
        clusterByteCount = UInt64(max(4_096, disk.clusterByteCount))
    }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try checkRange(count, at: offset, named: "guest disk")
        let first = offset / clusterByteCount
        let end = (offset + UInt64(count)) / clusterByteCount + 1
        let known = next.exchange(end, ordering: .relaxed)
        // Where the read goes on in the cluster that the last one ended in, that is decoded already.
        let clusterCount = end - first - (known > 0 && known - 1 == first ? 1 : 0)
        try allowance.take(clusterCount * clusterByteCount)
        try disk.read(count, at: offset, into: &output)
    }
}
