// A guest disk: a disk image's map, turned into bytes.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// The guest's view of a disk image. Many threads may read it at once; each cluster is decoded once for all of
/// them while it stays in the cache.
package final class GuestDisk: ByteSource {
    package let image: any DiskImage
    let file: any ByteSource
    let cache: ClusterCache
    let number: DiskNumber
    let decoders = ObjectPool<ClusterDecoder>()
    private let readAhead: ReadAhead?

    /// The largest cluster that is decoded on a thread that may not wait, in bytes: a millisecond or two.
    private static let clusterByteLimitWithoutWaiting = 1 << 20

    /// What one read takes of one extent.
    private enum Piece {
        case zeros(Int)
        case stored(Int, at: UInt64)
        case cluster(CompressedCluster, Range<Int>)
    }

    package var byteCount: UInt64 { image.virtualByteCount }

    /// A disk whose image's extents point into `file` and whose tables are cached under `number`. `prefetcher`
    /// decodes ahead of sequential readers; without one, nothing is decoded ahead.
    package init(
        _ image: any DiskImage, in file: any ByteSource, cache: ClusterCache, number: DiskNumber,
        prefetcher: Prefetcher? = nil
    ) {
        self.image = image
        self.file = file
        self.cache = cache
        self.number = number
        readAhead = prefetcher.map { ReadAhead(prefetcher: $0, windowByteLimit: cache.byteLimit / 4) }
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try forEachPiece(of: count, at: offset) { piece throws(ReadError) in
            switch piece {
            case .zeros(let count):
                output.appendZeros(count)
            case .stored(let count, let start):
                try file.read(count, at: start, into: &output)
            case .cluster(let cluster, let range):
                let slot = try lend(cluster)
                defer { slot.release() }
                // SAFETY: on loan, so the memory stays as it is.
                unsafe output.append(copying: slot.bytes.bytes.extracting(range))
            }
        }
    }

    package func gather(_ count: Int, at offset: UInt64, into list: GatherList) throws(ReadError) {
        try forEachPiece(of: count, at: offset) { piece throws(ReadError) in
            switch piece {
            case .zeros(let count):
                list.appendZeros(count)
            case .stored(let count, let start):
                try file.gather(count, at: start, into: list)
            case .cluster(let cluster, let range):
                let slot = try lend(cluster)
                unsafe list.append(UnsafeRawBufferPointer(rebasing: slot.bytes[range]), lentBy: slot)
            }
        }
    }

    package func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        let found = try image.firstOffset(of: region, in: range)
        // All that lies before what was found is of the other kind.
        let end = found.map { $0 + 1 } ?? range.upperBound
        try image.validateMap(of: range.lowerBound..<end, in: file)
        return found
    }

    package func searchStep(for region: Region, in range: Range<UInt64>) throws(ReadError) -> RegionSearch {
        let found = try image.searchStep(for: region, in: range)
        let end =
            switch found {
            case .found(let position): position + 1
            case .unfinished(let position): position
            case .absent: range.upperBound
            }
        try image.validateMap(of: range.lowerBound..<end, in: file)
        return found
    }

    package func validate() throws(ReadError) {
        try file.validate()
    }

    package var isNear: Bool { file.isNear }

    /// Calls `body` with each stretch of guest bytes `offset ..< offset + count`, in order. What `body` does not read
    /// from the file, because it is kept or known to be zeros, is then compared with what the file is by now.
    private func forEachPiece(
        of count: Int, at offset: UInt64, _ body: (Piece) throws(ReadError) -> Void
    ) throws(ReadError) {
        try checkRange(count, at: offset, named: "guest disk")
        let end = offset + UInt64(count)
        readAhead?.reader(of: self, reads: count, at: offset)
        try loadFromBehind(offset..<end)
        var position = offset
        // What is answered from the map alone, from the first zero to the last one.
        var zerosStart = UInt64.max
        var zerosEnd: UInt64 = 0
        // Where the clusters of this read are stored, from the first to the last one.
        var storedStart = UInt64.max
        var storedEnd: UInt64 = 0
        while position < end {
            let extent = try image.extent(containing: position)
            let step = Int(min(extent.guestEnd, end) - position)
            let skipped = position - extent.guestOffset
            switch extent.storage {
            case .zeros:
                zerosStart = min(zerosStart, position)
                zerosEnd = position + UInt64(step)
                try body(.zeros(step))
            case .stored(let start):
                try body(.stored(step, at: start + skipped))
            case .compressed(let cluster):
                storedStart = min(storedStart, cluster.storedOffset)
                storedEnd = max(storedEnd, cluster.storedOffset + UInt64(cluster.storedByteCountLimit))
                try body(.cluster(cluster, Int(skipped)..<(Int(skipped) + step)))
            case .damaged(let error):
                throw error
            }
            position += UInt64(step)
        }
        if storedStart < storedEnd { try file.validate(storedStart..<storedEnd) }
        if zerosStart < zerosEnd { try image.validateMap(of: zerosStart..<zerosEnd, in: file) }
    }

    /// Decodes the clusters of a large read into the cache, the last ones first and only those that no one is
    /// at. The threads that decode ahead come from the front: reader and threads meet in the middle, instead of
    /// the reader waiting for each cluster in turn.
    private func loadFromBehind(_ range: Range<UInt64>) throws(ReadError) {
        guard Patience.current != .usesCacheOnly else { return }
        let clusterByteCount = UInt64(image.clusterByteCount)
        guard clusterByteCount > 0, range.upperBound - range.lowerBound > 2 * clusterByteCount else { return }
        let stretchByteCount = max(Self.stretchByteCount, clusterByteCount)
        var end = range.upperBound
        while end > range.lowerBound {
            let start = max(range.lowerBound, (end - 1) / stretchByteCount * stretchByteCount)
            do throws(ReadError) {
                try load(start..<end)
            } catch {
                // What else is wrong the reader finds on its way.
                if error.isAboutTheReader { throw error }
            }
            end = start
        }
    }

    /// The cluster's bytes, on loan from the cache.
    private func lend(_ cluster: CompressedCluster) throws(ReadError) -> CacheSlot {
        try cache.lend(key(of: cluster), byteCount: cluster.decodedByteCount) { memory throws(ReadError) in
            try decode(cluster, into: &memory)
        }
    }

    /// - Throws: `ReadError.wouldWait` where the cluster is too large to be decoded by a thread that may not wait.
    func checkSize(of cluster: CompressedCluster) throws(ReadError) {
        guard cluster.decodedByteCount > Self.clusterByteLimitWithoutWaiting else { return }
        guard Patience.current == .waits else { throw .wouldWait }
    }

    func key(of cluster: CompressedCluster) -> ClusterCache.Key {
        ClusterCache.Key(disk: number, kind: .cluster, index: cluster.index)
    }

    private func decode(_ cluster: CompressedCluster, into output: inout OutputRawSpan) throws(ReadError) {
        try checkSize(of: cluster)
        try decoders.withObject { decoder throws(ReadError) in
            try decoder.decode(cluster, of: file, into: &output)
        }
        cache.statistics.countDecoded()
    }
}
