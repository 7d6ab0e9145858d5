// Decoding clusters that are stored side by side: one read of the file for all of them.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

extension GuestDisk {
    /// The most stored bytes that are read at once for clusters that lie side by side.
    private static let runByteLimit: UInt64 = 512 << 10
    /// Guest bytes whose clusters a reader decodes from front to back, when it goes through a large read from behind.
    static let stretchByteCount: UInt64 = 256 << 10

    /// Decodes the clusters of `range` (guest bytes) into the cache, except those that are there or that
    /// another thread is decoding. Clusters that are damaged are left for their reader to find.
    /// `isAhead` says whether the reader is still to come.
    func load(_ range: Range<UInt64>, isAhead: Bool = false) throws(ReadError) {
        try decoders.withObject { decoder throws(ReadError) in
            var position = range.lowerBound
            while position < range.upperBound {
                let extent = try image.extent(containing: position)
                position = extent.guestEnd
                guard case .compressed(let cluster) = extent.storage else { continue }
                try PatientRead.checkCancellation()
                do throws(ReadError) {
                    try cache.prefetch(key(of: cluster), byteCount: cluster.decodedByteCount) {
                        memory throws(ReadError) in
                        try checkSize(of: cluster)
                        try readRun(
                            startingWith: extent, of: cluster, before: range.upperBound, with: decoder)
                        try decoder.decode(cluster, of: file, into: &memory)
                        cache.statistics.countDecoded(ahead: isAhead)
                    }
                } catch {
                    if error.isAboutTheReader { throw error }
                }
            }
        }
    }

    /// Appends guest bytes `offset ..< offset + count` without keeping what is decoded: for reading a disk
    /// once, from start to end. Whole clusters are decoded straight into `output`.
    package func readOnce(
        _ count: Int, at offset: UInt64, into output: inout OutputRawSpan
    ) throws(ReadError) {
        try checkRange(count, at: offset, named: "guest disk")
        try decoders.withObject { decoder throws(ReadError) in
            var position = offset
            let end = offset + UInt64(count)
            while position < end {
                let extent = try image.extent(containing: position)
                guard case .compressed(let cluster) = extent.storage, extent.guestOffset == position,
                    extent.byteCount == UInt64(cluster.decodedByteCount), extent.guestEnd <= end
                else {
                    let step = Int(min(extent.guestEnd, end) - position)
                    try read(step, at: position, into: &output)
                    position += UInt64(step)
                    continue
                }
                try readRun(startingWith: extent, of: cluster, before: end, with: decoder)
                try decoder.decode(cluster, of: file, into: &output)
                cache.statistics.countDecoded()
                position = extent.guestEnd
            }
        }
    }

    /// Reads the stored form of `cluster` and of those that follow it, on the guest disk and in the file.
    private func readRun(
        startingWith extent: Extent, of cluster: CompressedCluster, before guestEnd: UInt64,
        with decoder: ClusterDecoder
    ) throws(ReadError) {
        let start = cluster.storedOffset
        guard !decoder.holds(cluster) else { return }
        var storedEnd = start + UInt64(cluster.storedByteCountLimit)
        var position = extent.guestEnd
        while position < guestEnd, storedEnd - start < Self.runByteLimit {
            let next = try image.extent(containing: position)
            guard case .compressed(let neighbour) = next.storage, neighbour.storedOffset == storedEnd else {
                break
            }
            storedEnd += UInt64(neighbour.storedByteCountLimit)
            position = next.guestEnd
        }
        // A run of one is read by the decoder itself, which knows better how much it needs.
        guard position > extent.guestEnd, storedEnd - start <= 2 * Self.runByteLimit else { return }
        try decoder.readAhead(from: start, to: storedEnd, of: file)
    }
}
