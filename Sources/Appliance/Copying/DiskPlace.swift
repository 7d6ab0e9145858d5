// Where what is copied stands on a guest disk.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import DiskImages

/// The start of a stretch of a guest disk: a whole disk, or a partition.
package struct DiskPlace: Sendable {
    let disk: GuestDisk
    /// In bytes on the disk.
    let start: UInt64

    /// The start of `source`, where that is a guest disk.
    package init?(ofDisk source: any ByteSource) {
        guard let disk = source as? GuestDisk else { return nil }
        self.init(disk, from: 0)
    }

    init(_ disk: GuestDisk, from start: UInt64) {
        self.disk = disk
        self.start = start
    }

    /// The bytes at `range` of the stretch, decoded for this one read.
    func readOnce(_ range: Range<UInt64>, into output: inout OutputRawSpan) throws(ReadError) {
        try disk.readOnce(
            Int(range.upperBound - range.lowerBound), at: start + range.lowerBound, into: &output)
    }
}
