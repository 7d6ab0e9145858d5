// How much of a guest disk is stored.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

extension GuestDisk {
    /// Guest bytes that are stored rather than known to be zero; above 0 and below `byteCount` whenever the disk may have
    /// both data and holes.
    package var allocatedByteCount: UInt64 {
        isLayered ? joined(layers.map(\.image.allocatedByteCount)) : image.allocatedByteCount
    }

    /// Whether `allocatedByteCount` is an estimate: what layers have of the same bytes is counted twice.
    package var allocationIsEstimate: Bool {
        isLayered || image.allocationIsEstimate
    }

    /// `allocatedByteCount`, unless that takes longer than this thread may wait.
    /// - Throws: `ReadError.wouldWait` and nothing else.
    package func countAllocatedBytes() throws(ReadError) -> UInt64 {
        guard isLayered else { return try image.countAllocatedBytes() }
        var counts: [UInt64] = []
        for layer in layers { counts.append(try layer.image.countAllocatedBytes()) }
        return joined(counts)
    }

    private func joined(_ counts: [UInt64]) -> UInt64 {
        var sum: UInt64 = 0
        for count in counts { sum = sum.addingReportingOverflow(count).overflow ? byteCount : sum + count }
        // One that is all data is read no worse where it seems to lack a sector.
        return min(sum, byteCount - min(byteCount, 512))
    }

    /// What is questionable about the disk although it can be read; one line each.
    package var warnings: [String] {
        var lines = image.warnings
        for layer in layers.dropFirst() { lines += layer.image.warnings.map { "\(layer.name): \($0)" } }
        if imageByteCount != byteCount {
            lines.append(
                "the disk ends inside a sector; \(byteCount - imageByteCount) zeros are added")
        }
        return lines
    }
}
