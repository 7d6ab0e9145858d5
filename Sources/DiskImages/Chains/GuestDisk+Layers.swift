// Which layer of a disk has a byte: parents, and disks of several files.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

extension GuestDisk {
    /// The stretch that holds guest byte `position`, which is below `byteCount`; nothing in it is absent or elsewhere.
    func extent(containing position: UInt64, _ cursor: inout LayerCursor) throws(ReadError) -> LayeredExtent {
        guard position < imageByteCount else {
            let rest = Extent(
                guestOffset: imageByteCount, byteCount: byteCount - imageByteCount, storage: .zeros)
            return LayeredExtent(extent: rest, layer: 0, layerOffset: imageByteCount, skippedByteCount: 0)
        }
        guard isLayered else {
            let extent = try image.extent(containing: position)
            return LayeredExtent(
                extent: extent, layer: 0, layerOffset: extent.guestOffset, skippedByteCount: 0)
        }
        return try layeredExtent(containing: position, &cursor)
    }

    /// The same for who looks ahead of a reader: where a file still comes in order, what has not come is not waited for.
    /// - Throws: `ReadError.wouldWait` where it has not.
    func extentAhead(
        containing position: UInt64, _ cursor: inout LayerCursor
    ) throws(ReadError) -> LayeredExtent {
        guard isArriving else { return try extent(containing: position, &cursor) }
        return try Patience.decodes.during { () throws(ReadError) in
            try extent(containing: position, &cursor)
        }
    }

    package var isProvisional: Bool { layers.contains { $0.image.isProvisional } }

    /// Whether a file of the disk still comes in order.
    var isArriving: Bool { farReadAhead != nil && layers.contains { $0.file.arrivesInOrder } }

    /// The extent that holds guest byte `position`, for one look at it.
    package func extent(containing position: UInt64) throws(ReadError) -> Extent {
        var cursor = LayerCursor()
        return try extent(containing: position, &cursor).extent
    }

    /// Goes down from the layer that the cursor knows, until one has something.
    private func layeredExtent(
        containing position: UInt64, _ cursor: inout LayerCursor
    ) throws(ReadError) -> LayeredExtent {
        var index = 0
        var bounds: Range<UInt64> = 0..<byteCount
        if cursor.range.contains(position) {
            index = cursor.layer
            bounds = cursor.range
        }
        // Each step goes to a parent, of which there are fewer than layers.
        while true {
            let found = try stretch(containing: position, ofLayer: index, within: bounds)
            guard case .absent = found.extent.storage else { return found }
            guard let parent = layers[index].parent else { return found.replaced(by: .zeros) }
            bounds = found.extent.guestOffset..<found.extent.guestEnd
            let end = layers[parent].image.virtualByteCount
            guard position < end else {
                // A parent that is shorter is zeros from there on.
                let start = max(end, bounds.lowerBound)
                let zeros = Extent(
                    guestOffset: start, byteCount: bounds.upperBound - start, storage: .zeros)
                return LayeredExtent(extent: zeros, layer: index, layerOffset: start, skippedByteCount: 0)
            }
            bounds = bounds.lowerBound..<min(bounds.upperBound, end)
            index = parent
            cursor.layer = index
            cursor.range = bounds
        }
    }

    /// What a layer itself, or the file that it leads to, has at `position`.
    private func stretch(
        containing position: UInt64, ofLayer index: Int, within bounds: Range<UInt64>
    ) throws(ReadError) -> LayeredExtent {
        let extent = try layers[index].image.extent(containing: position)
        guard case .elsewhere(let file, let start) = extent.storage else {
            return LayeredExtent(extent, ofLayer: index, from: extent.guestOffset, clippedTo: bounds)
        }
        let part = layers[index].firstExtentFile + file
        let inside = start + (position - extent.guestOffset)
        let partByteCount = layers[part].image.virtualByteCount
        guard inside < partByteCount else {
            let error = ReadError.corrupt(
                record: layers[part].name, offset: partByteCount,
                reason:
                    "it ends \(inside - partByteCount + 1) bytes before what \(layers[index].name) wants of it"
            )
            let from = extent.guestOffset + (max(start, partByteCount) - start)
            let rest = Extent(
                guestOffset: from, byteCount: extent.guestEnd - from, storage: .damaged(error))
            return LayeredExtent(rest, ofLayer: index, from: from, clippedTo: bounds)
        }
        let inner = try layers[part].image.extent(containing: inside)
        // Where the inner stretch starts on this layer's disk, and how much of it lies in front of the part's start.
        let lead = inside - inner.guestOffset
        let from = position - min(lead, position - extent.guestOffset)
        let cut = lead - (position - from)
        let moved = Extent(
            guestOffset: from, byteCount: min(extent.guestEnd, position + (inner.guestEnd - inside)) - from,
            storage: inner.storage)
        return LayeredExtent(
            moved, ofLayer: part, from: inner.guestOffset + cut, skipping: cut, clippedTo: bounds)
    }
}

extension LayeredExtent {
    /// The part of `extent` within `bounds`, which it overlaps. It starts at byte `layerOffset` of the disk of layer
    /// `layer`, and `skipped` bytes after the start of what is stored.
    fileprivate init(
        _ extent: Extent, ofLayer layer: Int, from layerOffset: UInt64, skipping skipped: UInt64 = 0,
        clippedTo bounds: Range<UInt64>
    ) {
        let start = max(extent.guestOffset, bounds.lowerBound)
        let front = start - extent.guestOffset + skipped
        let storage: Extent.Storage =
            if case .stored(let offset) = extent.storage { .stored(at: offset + front) } else {
                extent.storage
            }
        self.init(
            extent: Extent(
                guestOffset: start, byteCount: min(extent.guestEnd, bounds.upperBound) - start,
                storage: storage),
            layer: layer, layerOffset: layerOffset + (start - extent.guestOffset),
            skippedByteCount: Int(truncatingIfNeeded: front))
    }

    fileprivate func replaced(by storage: Extent.Storage) -> LayeredExtent {
        LayeredExtent(
            extent: Extent(guestOffset: extent.guestOffset, byteCount: extent.byteCount, storage: storage),
            layer: layer, layerOffset: layerOffset, skippedByteCount: 0)
    }
}
