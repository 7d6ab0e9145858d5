// A guest disk: a disk image's map, turned into bytes.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// The guest's view of a disk image. Many threads may read it at once; each cluster is decoded once for all of
/// them while it stays in the cache.
package final class GuestDisk: ByteSource {
    /// The image that was opened: the first of the layers.
    package let image: any DiskImage
    /// The image, the files that it leads to, its parent, that one's files and parent, and so on.
    let layers: [DiskLayer]
    /// Whether it is read from more than one file.
    package let isLayered: Bool
    /// What the image says of its size, in bytes: not always whole sectors.
    let imageByteCount: UInt64
    package let byteCount: UInt64
    /// The most bytes that a compressed cluster of any layer decodes to; 0 where nothing is compressed.
    package let clusterByteCount: Int
    let cache: ClusterCache
    let decoders = ObjectPool<ClusterDecoder>()
    private let prefetcher: Prefetcher?
    private let readAhead: ReadAhead?
    /// Nil where all files are near.
    let farReadAhead: FarReadAhead?

    /// What one read takes of one extent.
    private enum Piece {
        case zeros(Int)
        case stored(Int, at: UInt64, layer: Int)
        case cluster(CompressedCluster, Range<Int>, layer: Int)
    }

    /// A disk of one file: `image`'s extents point into `file`, and its tables are cached under `number`.
    package convenience init(
        _ image: any DiskImage, in file: any ByteSource, cache: ClusterCache, number: DiskNumber,
        prefetcher: Prefetcher? = nil
    ) {
        self.init([DiskLayer(image, in: file, number: number)], cache: cache, prefetcher: prefetcher)
    }

    /// A disk of `layers`, of which the first is the image that was opened. `prefetcher` decodes ahead of sequential
    /// readers; without one, nothing is decoded ahead.
    package init(_ layers: [DiskLayer], cache: ClusterCache, prefetcher: Prefetcher? = nil) {
        image = layers[0].image
        isLayered = layers.count > 1
        imageByteCount = image.virtualByteCount
        // No format has a disk so long that the last sector would not fit.
        byteCount = imageByteCount &+ ((0 &- imageByteCount) & 511)
        clusterByteCount = layers.map(\.image.clusterByteCount).max() ?? 0
        self.cache = cache
        self.prefetcher = prefetcher
        readAhead = prefetcher.map { ReadAhead(prefetcher: $0, windowByteLimit: cache.byteLimit / 4) }
        let isFar = !layers.allSatisfy(\.file.isNear)
        farReadAhead = isFar ? FarReadAhead(windowByteLimit: cache.byteLimit / 4) : nil
        self.layers = isFar ? layers.map(\.withoutReadAhead) : layers
    }

    /// The disk as it was when `snapshot`, one of the image's, was taken.
    package func disk(of snapshot: DiskSnapshot) -> GuestDisk {
        var layers = layers
        var first = DiskLayer(
            snapshot.image, in: layers[0].file, number: cache.makeDiskNumber(), named: layers[0].name)
        first.parent = layers[0].parent
        layers[0] = first
        return GuestDisk(layers, cache: cache, prefetcher: prefetcher)
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try forEachPiece(of: count, at: offset) { piece throws(ReadError) in
            switch piece {
            case .zeros(let count):
                output.appendZeros(count)
            case .stored(let count, let start, let layer):
                try layers[layer].file.read(count, at: start, into: &output)
            case .cluster(let cluster, let range, let layer):
                try append(range, of: cluster, of: layers[layer], to: &output)
            }
        }
    }

    package func gather(_ count: Int, at offset: UInt64, into list: GatherList) throws(ReadError) {
        try forEachPiece(of: count, at: offset) { piece throws(ReadError) in
            switch piece {
            case .zeros(let count):
                list.appendZeros(count)
            case .stored(let count, let start, let layer):
                try layers[layer].file.gather(count, at: start, into: list)
            case .cluster(let cluster, let range, let layer) where cluster.isLarge:
                try list.append(range.count) { output throws(ReadError) in
                    try append(range, of: cluster, of: layers[layer], to: &output)
                }
            case .cluster(let cluster, let range, let layer):
                let slot = try lend(cluster, of: layers[layer])
                unsafe list.append(UnsafeRawBufferPointer(rebasing: slot.bytes[range]), lentBy: slot)
            }
        }
    }

    package func prepare(_ range: Range<UInt64>) {
        farReadAhead?.prepare(range.clamped(to: 0..<byteCount), of: self)
    }

    package func validate() throws(ReadError) {
        for layer in layers { try layer.file.validate() }
    }

    package var isNear: Bool { layers.allSatisfy(\.file.isNear) }

    /// Calls `body` with each stretch of guest bytes `offset ..< offset + count`, in order. What `body` does not read
    /// from the file, because it is kept or known to be zeros, is then compared with what the file is by now.
    private func forEachPiece(
        of count: Int, at offset: UInt64, _ body: (Piece) throws(ReadError) -> Void
    ) throws(ReadError) {
        try checkRange(count, at: offset, named: "guest disk")
        let end = offset + UInt64(count)
        farReadAhead?.reader(of: self, reads: offset..<end)
        readAhead?.reader(of: self, reads: count, at: offset)
        try loadFromBehind(offset..<end)
        var cursor = LayerCursor()
        var position = offset
        // What is answered from the map alone, from the first zero to the last one.
        var zeros = Stretch()
        // Where the clusters of this read are stored, from the first to the last one of a layer.
        var stored = Stretch()
        var storedLayer = 0
        while position < end {
            let found = try extent(containing: position, &cursor)
            let step = Int(min(found.extent.guestEnd, end) - position)
            let skipped = position - found.extent.guestOffset
            switch found.extent.storage {
            case .zeros, .absent:
                zeros.add(position, byteCount: UInt64(step))
                try body(.zeros(step))
            case .stored(let start):
                try body(.stored(step, at: start + skipped, layer: found.layer))
            case .compressed(let cluster):
                if found.layer != storedLayer {
                    try stored.validate(in: layers[storedLayer].file)
                    stored = Stretch()
                    storedLayer = found.layer
                }
                stored.add(cluster.storedOffset, byteCount: UInt64(cluster.storedByteCountLimit))
                let first = Int(skipped) + found.skippedByteCount
                try body(.cluster(cluster, first..<(first + step), layer: found.layer))
            case .damaged(let error):
                throw error
            case .elsewhere:
                throw .corrupt(
                    record: layers[found.layer].name, offset: position,
                    reason: "the file that the disk goes on in is not open")
            }
            position += UInt64(step)
        }
        try stored.validate(in: layers[storedLayer].file)
        if !zeros.isEmpty { try validateMap(of: zeros.start..<zeros.end) }
    }

    /// The bytes from the first to the last one that was added.
    private struct Stretch {
        private(set) var start = UInt64.max
        private(set) var end: UInt64 = 0

        var isEmpty: Bool { start >= end }

        mutating func add(_ offset: UInt64, byteCount: UInt64) {
            start = min(start, offset)
            end = max(end, offset + byteCount)
        }

        func validate(in file: any ByteSource) throws(ReadError) {
            if !isEmpty { try file.validate(start..<end) }
        }
    }

    /// Makes sure that what says that `range` is zeros has stayed what it was.
    func validateMap(of range: Range<UInt64>) throws(ReadError) {
        // Which parts of which layers a byte was looked for in is not kept.
        guard !isLayered else { return try validate() }
        let inside = range.clamped(to: 0..<imageByteCount)
        try image.validateMap(of: inside, in: layers[0].file)
    }

    /// Decodes the clusters of a large read into the cache, the last ones first and only those that no one is at and
    /// whose bytes are at hand. The threads that decode ahead come from the front: reader and threads meet in the
    /// middle, instead of the reader waiting for each cluster in turn.
    private func loadFromBehind(_ range: Range<UInt64>) throws(ReadError) {
        guard Patience.current != .usesCacheOnly else { return }
        let clusterByteCount = UInt64(self.clusterByteCount)
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

    /// The bytes of a cluster that is no large one, on loan from the cache.
    private func lend(_ cluster: CompressedCluster, of layer: DiskLayer) throws(ReadError) -> CacheSlot {
        try cache.lend(key(of: cluster, layer), byteCount: cluster.decodedByteCount) {
            memory throws(ReadError) in
            try decode(cluster, of: layer, into: &memory)
        }
    }

    /// Appends bytes `range` of the cluster.
    private func append(
        _ range: Range<Int>, of cluster: CompressedCluster, of layer: DiskLayer,
        to output: inout OutputRawSpan
    ) throws(ReadError) {
        // Both numbers are bounded by what a format allows for a cluster.
        try cache.withCluster(
            key(of: cluster, layer), byteCount: cluster.decodedByteCount,
            loadingByteCount: cluster.storedByteCountLimit, reading: range,
            load: { memory throws(ReadError) in try decode(cluster, of: layer, into: &memory) },
            body: { bytes throws(ReadError) in output.append(copying: bytes.extracting(range)) })
    }

    func key(of cluster: CompressedCluster, _ layer: DiskLayer) -> ClusterCache.Key {
        ClusterCache.Key(disk: layer.number, kind: .cluster, index: cluster.index)
    }

    private func decode(
        _ cluster: CompressedCluster, of layer: DiskLayer, into output: inout OutputRawSpan
    ) throws(ReadError) {
        try decoders.withObject { decoder throws(ReadError) in
            try decoder.decode(cluster, of: layer.file, into: &output)
        }
        cache.statistics.countDecoded()
    }
}

extension CompressedCluster {
    /// Whether it is copied out of the cache, not lent: see `LargeClusters`.
    var isLarge: Bool { decodedByteCount > ClusterCache.mostPlainByteCount }
}
