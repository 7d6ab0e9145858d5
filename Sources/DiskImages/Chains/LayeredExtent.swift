// A stretch of a guest disk, and the layer that has it.
// SPDX-License-Identifier: Apache-2.0

/// A stretch that one layer holds, or none: then it is zeros.
struct LayeredExtent {
    /// In guest bytes; what is stored starts with the stretch's first byte.
    let extent: Extent
    /// The layer, by its index.
    let layer: Int
    /// Where the stretch starts on that layer's own disk, in bytes.
    let layerOffset: UInt64
    /// Bytes of a compressed cluster in front of the stretch.
    let skippedByteCount: Int
}

/// What a walk along a disk knows of the layers above the one it is at: that they have nothing up to some byte. A
/// chain is then not gone through again for every cluster of a layer far down.
struct LayerCursor {
    /// The first layer that may have something within `range`.
    var layer = 0
    /// Guest bytes.
    var range: Range<UInt64> = 0..<0
}
