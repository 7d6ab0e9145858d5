// Decoding clusters that are stored side by side: one read of the file for all of them.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

extension GuestDisk {
    /// The most stored bytes that are read at once for clusters that lie side by side.
    private static let runByteLimit: UInt64 = 512 << 10
    /// Guest bytes whose clusters a reader decodes from front to back, when it goes through a large read from behind.
    static let stretchByteCount: UInt64 = 256 << 10

    /// Decodes the clusters of `range` (guest bytes) into the cache, except those that are there or that
    /// another thread is decoding, and those that are far away. Clusters that are damaged are left for their reader
    /// to find.
    /// Where `reader` is still to come, what it has passed meanwhile is left out.
    func load(_ range: Range<UInt64>, aheadOf reader: ReaderPosition? = nil) throws(ReadError) {
        try decoders.withObject { decoder throws(ReadError) in
            var cursor = LayerCursor()
            var position = range.lowerBound
            var layer = 0
            while true {
                if let reader { position = max(position, reader.value) }
                guard position < range.upperBound else { return }
                guard let found = try extentToLoad(containing: position, &cursor) else { return }
                position = found.extent.guestEnd
                guard case .compressed(let cluster) = found.extent.storage,
                    layers[found.layer].file.isAtHand(cluster.storedOffset..<cluster.storedEndLimit)
                else { continue }
                // What a decoder has read is of one file.
                if found.layer != layer { decoder.reset() }
                layer = found.layer
                try PatientRead.checkCancellation()
                do throws(ReadError) {
                    try cache.prefetch(
                        key(of: cluster, layers[layer]), byteCount: cluster.decodedByteCount,
                        loadingByteCount: cluster.storedByteCountLimit
                    ) { memory throws(ReadError) in
                        try readRun(
                            startingWith: found, of: cluster, before: range.upperBound, cursor, with: decoder)
                        try decoder.decode(cluster, of: layers[layer].file, into: &memory)
                        cache.statistics.countDecoded(ahead: reader != nil)
                    }
                } catch {
                    if error.isAboutTheReader { throw error }
                }
                // What it was decoded from is counted no more.
                if cluster.isLarge { decoder.giveBackMemory() }
            }
        }
    }

    /// Nil where it is not known yet, and this thread may wait for it: its reader will.
    private func extentToLoad(
        containing position: UInt64, _ cursor: inout LayerCursor
    ) throws(ReadError) -> LayeredExtent? {
        do throws(ReadError) {
            return try extentAhead(containing: position, &cursor)
        } catch {
            guard error.isWouldWait, Patience.current == .waits else { throw error }
            return nil
        }
    }

    /// Appends guest bytes `offset ..< offset + count` without keeping what is decoded: for reading a disk
    /// once, from start to end. Whole clusters are decoded straight into `output`.
    package func readOnce(
        _ count: Int, at offset: UInt64, into output: inout OutputRawSpan
    ) throws(ReadError) {
        try checkRange(count, at: offset, named: "guest disk")
        farReadAhead?.reader(of: self, reads: offset..<(offset + UInt64(count)))
        try decoders.withObject { decoder throws(ReadError) in
            var cursor = LayerCursor()
            var position = offset
            var layer = 0
            let end = offset + UInt64(count)
            while position < end {
                let found = try extent(containing: position, &cursor)
                let extent = found.extent
                guard case .compressed(let cluster) = extent.storage, extent.guestOffset == position,
                    extent.byteCount == UInt64(cluster.decodedByteCount), extent.guestEnd <= end
                else {
                    let step = Int(min(extent.guestEnd, end) - position)
                    try read(step, at: position, into: &output)
                    position += UInt64(step)
                    continue
                }
                if found.layer != layer { decoder.reset() }
                layer = found.layer
                try readRun(startingWith: found, of: cluster, before: end, cursor, with: decoder)
                try decoder.decode(cluster, of: layers[layer].file, into: &output)
                cache.statistics.countDecoded()
                position = extent.guestEnd
            }
        }
    }

    /// Reads the stored form of `cluster` and of those that follow it, on the guest disk and in the file.
    private func readRun(
        startingWith found: LayeredExtent, of cluster: CompressedCluster, before guestEnd: UInt64,
        _ cursor: LayerCursor, with decoder: ClusterDecoder
    ) throws(ReadError) {
        let start = cluster.storedOffset
        guard !decoder.holds(cluster) else { return }
        var storedEnd = start + UInt64(cluster.storedByteCountLimit)
        var cursor = cursor
        var position = found.extent.guestEnd
        while position < guestEnd, storedEnd - start < Self.runByteLimit {
            guard let next = try extentToLoad(containing: position, &cursor), next.layer == found.layer,
                case .compressed(let neighbour) = next.extent.storage,
                neighbour.storedOffset >= start, neighbour.storedOffset <= storedEnd,
                !isArriving
                    || layers[next.layer].file.isAtHand(
                        neighbour.storedOffset..<neighbour.storedEndLimit)
            else { break }
            // Where clusters are packed to the byte and bounded by sectors, the next one starts within the bound.
            storedEnd = max(
                storedEnd, neighbour.storedOffset + UInt64(neighbour.storedByteCountLimit))
            position = next.extent.guestEnd
        }
        // A run of one is read by the decoder itself, which knows better how much it needs.
        guard position > found.extent.guestEnd, storedEnd - start <= 2 * Self.runByteLimit else { return }
        try decoder.readAhead(from: start, to: storedEnd, of: layers[found.layer].file)
    }
}

extension CompressedCluster {
    /// Where its stored form ends at the latest, in bytes of the image file.
    fileprivate var storedEndLimit: UInt64 { storedOffset + UInt64(storedByteCountLimit) }
}
